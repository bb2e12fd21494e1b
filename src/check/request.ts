import http from 'node:http'
import type { Duplex } from 'node:stream'
import type { Cancellation } from './cancellation.ts'
import { Failure } from './failure.ts'

export interface RequestLine {
  readonly method: string
  /** Origin form, or absolute form for a proxy. */
  readonly target: string
  /** In the order in which they are sent. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | undefined
}

/** Endless headers end here; real ones of 20 kB have been seen, where Node's own limit is 16 KiB. */
const maxHeaderSize = 65_536
/** Of all that comes before the response: early hints or empty lines without end would keep the process busy. */
const maxBeforeResponse = 4 * maxHeaderSize

/**
 * Sends one request over a connection and waits for the headers of its response.
 *
 * @returns the response, its body not read yet; no body for one that switches protocols (101). What is no HTTP within
 *   the body makes an error of the response, which is a Failure.
 * @throws {Failure} closed, reset, unreachable, tls or protocol; the reason of the cancellation
 */
export function request(
  connection: Duplex,
  line: RequestLine,
  cancellation: Cancellation,
): Promise<http.IncomingMessage> {
  return new Promise((resolve, reject) => {
    let received: http.IncomingMessage | undefined
    // As text it would be joined to the headers: 20 ms for 8 MB.
    const body = line.body === undefined ? undefined : Buffer.from(line.body)
    const sent = http.request({
      // A connection handed over takes no agent, and none is ever used twice.
      createConnection: () => connection,
      method: line.method,
      path: line.target,
      // Node leaves the length out for methods that seldom have a body, and the body then looks like another request.
      headers: body ? { ...line.headers, 'Content-Length': String(body.length) } : line.headers,
      setHost: false,
      maxHeaderSize,
    })
    cancellation.begin((reason) => {
      sent.destroy()
      reject(reason)
    })
    sent.on('error', (error: NodeJS.ErrnoException) => {
      if (received === undefined) reject(requestFailure(error))
      else if (!received.complete && isNotHttp(error)) received.destroy(notHttp('Body', error))
    })
    let beforeResponse = 0
    const count = (chunk: Buffer) => {
      beforeResponse += chunk.length
      if (received || beforeResponse <= maxBeforeResponse) return
      sent.destroy(new Failure('protocol', `First byte: ${maxBeforeResponse / 1024} KiB came, and no response in them`))
    }
    // From then on Node reads; a listener that comes earlier would take the first bytes away from it.
    sent.once('socket', (socket) => socket.on('data', count))
    sent.once('response', (response) => {
      received = response
      connection.off('data', count)
      // Node closes once all has been sent: never, where the server answers and does not read.
      response.once('close', () => {
        if (connection.writableLength > 0) connection.destroy()
      })
      // RFC 9110, 15: 100 to 599; below that it would read as if there had been no response.
      if ((response.statusCode ?? 0) < 100) reject(new Failure('protocol', 'First byte: the status is below 100'))
      else resolve(response)
    })
    sent.once('upgrade', (response) => {
      received = response
      // Node has let go of it.
      connection.destroy()
      response.push(null)
      resolve(response)
    })
    sent.end(body)
  })
}

function requestFailure(error: NodeJS.ErrnoException): Failure {
  if (error instanceof Failure) return error
  const { code = '', message } = error
  if (code === 'HPE_HEADER_OVERFLOW') {
    return new Failure('protocol', `First byte: the headers are longer than ${maxHeaderSize / 1024} KiB`)
  }
  if (isNotHttp(error)) return notHttp('First byte', error)
  if (code === 'ECONNRESET' && message === 'socket hang up') {
    return new Failure('closed', 'First byte: the server closed the connection without a response')
  }
  if (code === 'ECONNRESET' || code === 'EPIPE' || code === 'ECONNABORTED') {
    return new Failure('reset', 'First byte: the connection was reset before a response came')
  }
  if (code === 'ETIMEDOUT' || code === 'EHOSTUNREACH' || code === 'ENETUNREACH') {
    return new Failure('unreachable', `First byte: the way to the server broke off (${code})`)
  }
  if (/^ERR_(SSL|TLS|OSSL)|^EPROTO$/.test(code))
    return new Failure('tls', `First byte: the TLS connection failed (${code})`)
  return new Failure('internal', `First byte: the request could not be sent (${code || message})`)
}

/** What Node's parser (llhttp) says. */
function isNotHttp({ code = '' }: NodeJS.ErrnoException): boolean {
  return code.startsWith('HPE_')
}

function notHttp(phase: 'First byte' | 'Body', { code = '' }: NodeJS.ErrnoException): Failure {
  const reason = code.slice('HPE_'.length).toLowerCase().replaceAll('_', ' ')
  return new Failure('protocol', `${phase}: what came is not HTTP (${reason})`)
}
