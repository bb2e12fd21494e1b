import net from 'node:net'
import type { Duplex } from 'node:stream'
import tls from 'node:tls'
import type { Certificate } from '../checkEntry.ts'
import type { Cancellation } from './cancellation.ts'
import { Failure, plainText } from './failure.ts'

// One for all: making it anew for each connection took 2.0 ms of 1.45.
const secureContext = tls.createSecureContext()

export interface SecureOptions {
  /** Whether an untrusted certificate is a failure; its dates are known either way. */
  readonly verifyCertificate: boolean
  readonly cancellation: Cancellation
  /** Told of the certificate before it is judged. */
  readonly onCertificate: (certificate: Certificate) => void
}

/**
 * Speaks TLS over a connection.
 *
 * @throws {Failure} tls, closed or reset; the reason of the cancellation
 */
export function secure(
  connection: Duplex,
  host: string,
  { verifyCertificate, cancellation, onCertificate }: SecureOptions,
): Promise<tls.TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = tls.connect({
      socket: connection,
      secureContext,
      // RFC 6066, 3: no addresses in the server name.
      servername: isAddress(host) ? '' : host,
      ALPNProtocols: ['http/1.1'],
      // Judged below, so that a certificate that is refused tells its dates as well.
      rejectUnauthorized: false,
      checkServerIdentity: (_, certificate) => {
        onCertificate(read(certificate))
        return tls.checkServerIdentity(host, certificate)
      },
    })
    const fail = (reason: unknown) => {
      socket.destroy()
      reject(reason)
    }
    cancellation.begin(fail)
    const failed = (error: NodeJS.ErrnoException) => fail(tlsFailure(error))
    const ended = () => fail(new Failure('tls', 'TLS: the server closed the connection during the handshake'))
    socket.on('error', failed)
    socket.on('end', ended)
    socket.once('secureConnect', () => {
      // Where the chain is not trusted Node does not come to ask for the identity.
      const peer = socket.authorized ? undefined : socket.getPeerCertificate()
      if (peer && Object.keys(peer).length > 0) onCertificate(read(peer))
      if (verifyCertificate && !socket.authorized) {
        fail(new Failure('tls', `TLS: ${untrusted(String(socket.authorizationError), host, peer)}`))
        return
      }
      // Ours alone: Node has listeners of its own, without which an error between two phases would end the process.
      socket.off('error', failed)
      socket.off('end', ended)
      resolve(socket)
    })
  })
}

function read({ valid_from, valid_to, issuer }: tls.PeerCertificate): Certificate {
  const names = [issuer?.O, issuer?.CN].flat().filter(Boolean)
  return {
    begins: new Date(valid_from),
    expires: new Date(valid_to),
    issuer: plainText([...new Set(names)].join(', '), 200),
  }
}

/** OpenSSL's reasons (verify(1)) in words, with the dates or names that make it plain. */
function untrusted(reason: string, host: string, peer: tls.PeerCertificate | undefined): string {
  switch (reason) {
    case 'CERT_HAS_EXPIRED':
      return `the certificate ended on ${peer?.valid_to ?? 'a day in the past'}`
    case 'CERT_NOT_YET_VALID':
      return `the certificate begins on ${peer?.valid_from ?? 'a day to come'}`
    case 'DEPTH_ZERO_SELF_SIGNED_CERT':
      return 'the certificate is self-signed'
    case 'SELF_SIGNED_CERT_IN_CHAIN':
      return 'the chain ends in an authority that is not trusted'
    case 'UNABLE_TO_VERIFY_LEAF_SIGNATURE':
    case 'UNABLE_TO_GET_ISSUER_CERT':
    case 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY':
      return 'the chain is incomplete, or its authority is not trusted'
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
      return `the certificate is for ${names(peer)}, not for ${host}`
    case 'CERT_REVOKED':
      return 'the certificate was revoked'
    default:
      return `the certificate is not trusted (${reason.toLowerCase().replaceAll('_', ' ')})`
  }
}

function names(peer: tls.PeerCertificate | undefined): string {
  const alternative = peer?.subjectaltname?.replaceAll(/DNS:|IP Address:/g, '')
  return (alternative ?? [peer?.subject?.CN].flat().join(', ') ?? '').slice(0, 150) || 'somebody else'
}

function tlsFailure(error: NodeJS.ErrnoException): Failure {
  // Node's code for an end before the handshake was complete as well as for a reset, but only that has a system call.
  if (error.code === 'ECONNRESET' && error.syscall === undefined) {
    return new Failure('tls', 'TLS: the server closed the connection during the handshake')
  }
  if (error.code === 'ECONNRESET' || error.code === 'EPIPE') {
    return new Failure('reset', 'TLS: the connection was reset during the handshake')
  }
  const { reason } = error as { reason?: string }
  const hint = /wrong.version|packet.length|http.request|unknown.protocol/i.test(reason ?? '')
    ? '; does the port speak TLS?'
    : ''
  return new Failure('tls', `TLS: ${reason ?? error.code ?? 'the handshake failed'}${hint}`)
}

function isAddress(host: string): boolean {
  return net.isIP(host) !== 0
}
