import type { Duplex } from 'node:stream'
import type { CheckError } from '../../../src/check/checkError.ts'
import type { Website } from '../../../src/website.ts'

/** A website that behaves badly, and what a check of it has to say. */
export interface HostileWebsite {
  /** Completes the sentence "a website that ...". */
  readonly name: string
  /** Asked once, in the process of the server. */
  readonly serve: (place: Place) => Serve
  readonly httpStatus: number
  readonly error: CheckError | null
  /** What it may be just as well, where the machine decides. */
  readonly otherError?: CheckError
  /** What the sentence of the entry says; left out where there is no error. */
  readonly detail?: RegExp
  /** What is special about its row. */
  readonly row?: Partial<Website>
  readonly secured?: boolean
  /** Whether its regex is found; left out: what it has to be without an error. */
  readonly regexMatch?: boolean
  readonly redirects?: number
  /** It does not read, and so does not see that its connections end. */
  readonly deaf?: boolean
}

/** What some of them need to know. */
export interface Place {
  /** A port where nothing listens. */
  readonly closedPort: number
  /** A port where a page says Hello. */
  readonly helloPort: number
  /** For 127.0.0.1, of an authority that nobody trusts. */
  readonly certificate: { readonly cert: string; readonly key: string }
}

/** What a website does with a connection: bytes, not HTTP. */
export type Serve = (connection: Connection) => void

export interface Connection extends Duplex {
  resetAndDestroy?(): void
}

/** What becomes of a connection once all has been said. */
export type Then = 'end' | 'hold' | 'reset'

/** Does something as soon as a request has come, with its path. */
export function onRequest(act: (connection: Connection, path: string) => void): Serve {
  return (connection) => {
    let received = ''
    const listen = (chunk: Buffer) => {
      received += chunk.toString('latin1')
      if (!received.includes('\r\n\r\n')) return
      connection.off('data', listen)
      connection.resume()
      act(connection, received.split(' ')[1] ?? '')
    }
    connection.on('data', listen)
  }
}

/** Says something once a request has come. */
export function says(bytes: string | Buffer, then: Then = 'end'): Serve {
  return onRequest((connection) => say(connection, bytes, then))
}

/** Says something without waiting for a request. */
export function saysAtOnce(bytes: string | Buffer, then: Then = 'end'): Serve {
  return (connection) => {
    connection.resume()
    say(connection, bytes, then)
  }
}

/** Says something, and then the same again and again, as fast as it is taken. */
export function saysWithoutEnd(head: string | Buffer, piece: string | Buffer): Serve {
  return onRequest((connection) => {
    connection.write(toBytes(head))
    const bytes = toBytes(piece)
    const more = () => {
      while (!connection.destroyed && connection.write(bytes));
    }
    connection.on('drain', more)
    more()
  })
}

/** Says something, and then a piece every so often, without end. */
export function drips(head: string | Buffer, piece: string, everyMs = 50): Serve {
  return onRequest((connection) => {
    connection.write(toBytes(head))
    const timer = setInterval(() => connection.write(piece), everyMs)
    connection.once('close', () => clearInterval(timer))
  })
}

export function say(connection: Connection, bytes: string | Buffer, then: Then): void {
  if (then === 'end') connection.end(toBytes(bytes))
  else connection.write(toBytes(bytes), () => then === 'reset' && connection.resetAndDestroy?.())
}

/** A response with a body of a known length. */
export function response(body: string | Buffer, headers = '', status = '200 OK'): Buffer {
  const bytes = toBytes(body)
  const head = `HTTP/1.1 ${status}\r\n${headers}Content-Length: ${bytes.length}\r\n\r\n`
  return Buffer.concat([toBytes(head), bytes])
}

export function redirect(location: string, status = '302 Found'): Buffer {
  return response('', `Location: ${location}\r\n`, status)
}

/** Latin-1, so that every character is a byte. */
function toBytes(bytes: string | Buffer): Buffer {
  return typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes
}
