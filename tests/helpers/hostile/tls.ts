import net from 'node:net'
import tls from 'node:tls'
import {
  drips,
  type HostileWebsite,
  onRequest,
  type Place,
  response,
  type Serve,
  say,
  says,
  saysAtOnce,
} from './serve.ts'

const timeout = {
  httpStatus: 0,
  error: 'timeout',
  detail: /^TLS: the handshake was not complete after 1.5 s$/,
} as const
const failed = { httpStatus: 0, error: 'tls', detail: /^TLS: / } as const
const noTls = { httpStatus: 0, error: 'tls', detail: /^TLS: .*; does the port speak TLS\?$/ } as const

/** Those that are asked by https. What they are asked for is not to verify the certificate. */
const all: readonly HostileWebsite[] = [
  { name: 'never begins its handshake', serve: () => (connection) => connection.resume(), ...timeout },
  { name: 'drips its handshake', serve: () => dripsAtOnce('\x16\x03\x03\x40\x00\x02\x00\x3f\xfc'), ...timeout },
  { name: 'closes at the handshake', serve: () => saysAtOnce(''), ...failed },
  { name: 'closes within the handshake', serve: () => onHello('\x16\x03\x03\x00\x7a\x02', 'end'), ...failed },
  {
    name: 'resets within the handshake',
    serve: () => onHello('\x16\x03\x03\x00\x7a\x02', 'reset'),
    httpStatus: 0,
    error: 'reset',
    // libuv reports a reset that comes right behind data as an end.
    otherError: 'tls',
    detail: /^TLS: /,
  },
  {
    name: 'answers the handshake with HTTP',
    serve: () => onHello('HTTP/1.1 400 Bad Request\r\n\r\n', 'end'),
    ...noTls,
  },
  {
    name: 'answers the handshake with HTTP and holds on',
    serve: () => onHello('HTTP/1.1 400 Bad Request\r\n\r\n', 'hold'),
    ...noTls,
  },
  { name: 'greets as SMTP does', serve: () => saysAtOnce('220 mail.example ESMTP ready\r\n', 'hold'), ...noTls },
  {
    name: 'knows no version of TLS that we know',
    serve: () => onHello('\x15\x03\x01\x00\x02\x02\x46', 'end'),
    ...failed,
  },
  { name: 'does not know its name', serve: () => onHello('\x15\x03\x01\x00\x02\x02\x70', 'end'), ...failed },
  { name: 'fails its handshake', serve: () => onHello('\x15\x03\x01\x00\x02\x02\x28', 'end'), ...failed },
  {
    name: 'sends a page by TLS',
    serve: securely(response('Hello')),
    httpStatus: 200,
    error: null,
    regexMatch: true,
    row: { regex: 'Hello' },
  },
  {
    name: 'falls silent after the handshake',
    serve: ({ certificate }) => secured(certificate, (connection) => connection.resume()),
    httpStatus: 0,
    error: 'timeout',
    detail: /^First byte: no response within/,
  },
  { name: 'closes after the handshake', serve: securely(''), httpStatus: 0, error: 'closed', detail: /^First byte: / },
  {
    name: 'resets after the handshake',
    serve:
      ({ certificate }) =>
      (connection) =>
        secured(
          certificate,
          onRequest(() => (connection as net.Socket).resetAndDestroy()),
        )(connection),
    httpStatus: 0,
    error: 'reset',
    detail: /^First byte: the connection was reset/,
  },
  {
    name: 'sends what is no HTTP by TLS',
    serve: securely('220 mail.example\r\n'),
    httpStatus: 0,
    error: 'protocol',
    detail: /^First byte: /,
  },
  {
    name: 'closes before its length by TLS',
    serve: securely('HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nHello'),
    httpStatus: 200,
    error: 'aborted',
    detail: /^Body: the connection ended before/,
  },
  {
    name: 'drips its body by TLS',
    serve: ({ certificate }) => secured(certificate, drips('HTTP/1.1 200 OK\r\n\r\n', 'x')),
    httpStatus: 200,
    error: 'timeout',
    detail: /^Body: not complete/,
  },
  {
    name: 'cuts the connection in place of the end of TLS',
    serve:
      ({ certificate }) =>
      (connection) =>
        secured(
          certificate,
          onRequest((socket) => socket.write('HTTP/1.1 200 OK\r\n\r\nHello', () => connection.end())),
        )(connection),
    httpStatus: 200,
    error: null,
    regexMatch: true,
    row: { regex: 'Hello' },
  },
  {
    name: 'wants a certificate of its visitor',
    serve: ({ certificate }) => secured({ ...certificate, requestCert: true, rejectUnauthorized: true }, says('')),
    httpStatus: 0,
    error: 'tls',
    detail: /^First byte: the TLS connection failed/,
  },
  {
    name: 'sends a broken record right behind its handshake',
    serve: ({ certificate }) => brokenRecord(certificate),
    httpStatus: 0,
    error: 'tls',
    detail: /^(TLS|First byte): /,
  },
  {
    name: 'sends a broken record within its body',
    serve:
      ({ certificate }) =>
      (connection) =>
        secured(
          certificate,
          onRequest((socket) =>
            socket.write('HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nHello', () => connection.write(noise)),
          ),
        )(connection),
    httpStatus: 200,
    error: 'aborted',
    detail: /^Body: /,
  },
]

export const tlsWebsites: readonly HostileWebsite[] = all.map((website) => ({ ...website, secured: true }))

/** A record of application data that no key opens. */
const noise = Buffer.from(`\x17\x03\x03\x00\x40${'x'.repeat(64)}`, 'latin1')

/** The same by TLS. */
function secured(options: tls.SecureContextOptions & tls.TlsOptions, serve: Serve): Serve {
  const secureContext = tls.createSecureContext(options)
  return (connection) => {
    const socket = new tls.TLSSocket(connection as net.Socket, { ...options, isServer: true, secureContext })
    socket.on('error', () => connection.destroy())
    serve(socket)
  }
}

function securely(bytes: string | Buffer): (place: Place) => Serve {
  return ({ certificate }) => secured(certificate, says(bytes))
}

/** Waits for the first bytes of the client. */
function onHello(bytes: string, then: 'end' | 'hold' | 'reset'): Serve {
  return (connection) => {
    connection.once('data', () => {
      connection.resume()
      say(connection, bytes, then)
    })
  }
}

function dripsAtOnce(bytes: string): Serve {
  return (connection) => {
    connection.resume()
    connection.write(Buffer.from(bytes, 'latin1'))
    const timer = setInterval(() => connection.write('x'), 50)
    connection.once('close', () => clearInterval(timer))
  }
}

/**
 * Hands everything on to a server of TLS and back, and puts a broken record behind the first answer: it arrives in one
 * piece with the end of the handshake (TLS 1.3).
 */
function brokenRecord(certificate: Place['certificate']): Serve {
  const server = tls.createServer(certificate).on('tlsClientError', () => undefined)
  server.listen(0, '127.0.0.1')
  return (connection) => {
    const { port } = server.address() as net.AddressInfo
    const behind = net.connect(port, '127.0.0.1')
    behind.on('error', () => undefined)
    connection.once('close', () => behind.destroy())
    connection.pipe(behind)
    behind.once('data', (answer) => connection.write(Buffer.concat([answer, noise])))
  }
}
