import { AxiosError } from 'axios'
import { messageOf } from '../retry.ts'
import type { CheckError } from './checkError.ts'

export interface Failure {
  readonly error: CheckError
  /** One sentence, at most 300 characters, without secrets: no URL, no header, no library's wording beyond a reason. */
  readonly detail: string
}

/** What a failed request or body means, in words of our own. */
export function classify(thrown: unknown, hasResponse: boolean): Failure {
  const error = rootOf(thrown)
  const { code = '', syscall } = error as NodeJS.ErrnoException
  const address = addressOf(error)

  if (code === 'ENOTFOUND') return { error: 'dns', detail: 'DNS: the name does not exist' }
  if (syscall === 'getaddrinfo') return { error: 'dns', detail: `DNS: the name could not be resolved (${code})` }
  if (code === 'ECONNREFUSED') return { error: 'refused', detail: `Connect: refused${address}` }
  if (['EHOSTUNREACH', 'ENETUNREACH', 'EADDRNOTAVAIL', 'EHOSTDOWN', 'ETIMEDOUT'].includes(code)) {
    return { error: 'unreachable', detail: `Connect: no answer from the address${address} (${code})` }
  }
  if (/REDIRECT/.test(code)) return redirectFailure(code)
  if (isTls(code)) return { error: 'tls', detail: `TLS: ${sentence(error.message)}` }
  if (code.startsWith('Z_') || code.startsWith('ERR__ERROR_FORMAT') || /brotli|decompress/i.test(error.message)) {
    return { error: 'decode', detail: `Body: not encoded as Content-Encoding says (${code || 'damaged'})` }
  }
  if (hasResponse) return { error: 'aborted', detail: 'Body: the connection ended before the body was complete' }
  if (code.startsWith('HPE_')) return { error: 'protocol', detail: `Response: not HTTP (${reasonOf(code)})` }
  if (code === 'ECONNRESET' && error.message === 'socket hang up') {
    return { error: 'closed', detail: 'Response: the server closed the connection without one' }
  }
  if (['ECONNRESET', 'EPIPE', 'ECONNABORTED'].includes(code)) {
    return { error: 'reset', detail: `Connection: reset by the other side${address}` }
  }
  return { error: 'internal', detail: `webmon failed: ${sentence(`${code} ${error.message}`)}` }
}

function redirectFailure(code: string): Failure {
  const detail =
    code === 'ERR_FR_TOO_MANY_REDIRECTS'
      ? 'Redirects: more than 30'
      : 'Redirects: to an address that is not http or https'
  return { error: 'redirects', detail }
}

/** axios and Node wrap what happened: the innermost error is the one that names it. */
function rootOf(thrown: unknown): Error {
  if (thrown instanceof AggregateError && thrown.errors[0]) return rootOf(thrown.errors[0])
  // follow-redirects names its own failures, and keeps as their cause what the next URL was refused for.
  const { code = '' } = thrown as NodeJS.ErrnoException
  if (thrown instanceof AxiosError && thrown.cause && !/REDIRECT/.test(code)) return rootOf(thrown.cause)
  return thrown instanceof Error ? thrown : new Error(messageOf(thrown))
}

function isTls(code: string): boolean {
  return /^(ERR_TLS_|ERR_SSL_|CERT_|UNABLE_TO_|EPROTO$|CRL_|ERR_OSSL)|SELF_SIGNED|_CERT_|HOSTNAME_MISMATCH/.test(code)
}

function addressOf(error: Error): string {
  const { address, port } = error as { address?: string; port?: number }
  return address ? ` (${address}:${port})` : ''
}

function reasonOf(code: string): string {
  return code.replace('HPE_', '').toLowerCase().replaceAll('_', ' ')
}

/** Node's TLS messages come with OpenSSL's file and line numbers behind colons. */
function sentence(message: string): string {
  const openssl = /:error:[^:]*:[^:]*:[^:]*:([^:]*):/.exec(message)
  return (openssl?.[1] ?? message).replaceAll(/\s+/g, ' ').trim().slice(0, 200)
}
