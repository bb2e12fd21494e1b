import { once } from 'node:events'
import http from 'node:http'
import net, { type AddressInfo } from 'node:net'
import { gzipSync } from 'node:zlib'

/** A request that the server has seen. Times in ms of performance.now(). */
export interface Seen {
  readonly path: string
  /** The path that the first request of this check had: the website, where there were redirects. */
  readonly website: string
  /** Answered with a redirect. */
  redirected: boolean
  readonly acceptedAtMs: number
  headersAtMs?: number
  readonly headers: http.IncomingHttpHeaders
}

/** A local web server with a website of every kind, one per path, and what it saw of the requests. */
export interface Websites {
  readonly url: string
  /** A port where nothing listens. */
  readonly closedPort: number
  readonly log: Seen[]
  /** The whole URL of a path, and of `http://127.0.0.1:CLOSED/`. */
  urlOf(path: string): string
  stop(): Promise<void>
}

type Handler = (request: http.IncomingMessage, response: http.ServerResponse) => void

const page = 'Hello world, this is the end'

export function text(body: string | Buffer, type: string | null = 'text/html; charset=utf-8', status = 200): Handler {
  return (_, response) => {
    response.writeHead(status, type === null ? {} : { 'content-type': type })
    response.end(body)
  }
}

function redirect(location: string, status = 302): Handler {
  return (_, response) => {
    response.writeHead(status, { location })
    response.end()
  }
}

function after(ms: number, handler: Handler): Handler {
  return (request, response) => {
    setTimeout(() => handler(request, response), ms)
  }
}

/** Writes raw bytes to the connection in place of a response, and ends it unless told otherwise. */
function raw(bytes: string, end = true): Handler {
  return ({ socket }) => {
    socket.write(bytes, 'latin1')
    if (end) socket.end()
  }
}

const kinds: Record<string, Handler> = {
  '/hello': text(page),
  '/redirect': redirect('/hello?from=/redirect'),
  '/redirect-slow': after(300, redirect('/hello')),
  '/loop': redirect('/loop'),
  '/to-file': redirect('file:///etc/hostname'),
  '/to-nowhere': (_, response) => {
    response.writeHead(302)
    response.end('Hello without a Location')
  },
  '/slow': after(400, text(page)),
  '/slow-body': (_, response) => {
    response.writeHead(200, { 'content-type': 'text/plain' })
    response.write('Hello ')
    setTimeout(() => response.end('world'), 400)
  },
  '/latin1': text(Buffer.from('caf\xe9', 'latin1'), 'text/html'),
  '/utf8-no-type': text('café', null),
  '/json': text('{"a":"café"}', 'application/json'),
  '/gzip': (_, response) => {
    response.writeHead(200, { 'content-type': 'text/html', 'content-encoding': 'gzip' })
    response.end(gzipSync(page))
  },
  '/bad-gzip': (_, response) => {
    response.writeHead(200, { 'content-type': 'text/html', 'content-encoding': 'gzip' })
    response.end(page)
  },
  '/empty': text('', 'text/html', 204),
  '/large': text(`${'x'.repeat(3_000_000)}needle`, 'text/plain'),
  '/hang': () => undefined,
  '/hang-body': (_, response) => {
    response.writeHead(200, { 'content-type': 'text/plain' })
    response.write('Hello ')
  },
  '/truncated': raw('HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 1000\r\n\r\nHello'),
  '/closed': raw(''),
  '/garbage': raw('220 mail.example ESMTP ready\r\n'),
  '/reset': ({ socket }) => {
    socket.resetAndDestroy()
  },
  '/echo': (request, response) => {
    response.writeHead(200, { 'content-type': 'text/plain; charset=utf-8' })
    response.end(`${request.method} ${request.url}\n${JSON.stringify(request.headers)}`)
  },
}

export async function startWebsites(): Promise<Websites> {
  const log: Seen[] = []
  const acceptedAt = new WeakMap<net.Socket, number>()
  const server = http.createServer((request, response) => {
    const path = (request.url ?? '').split('?')[0] as string
    const seen: Seen = {
      path,
      website: path === '/hello' && request.url?.includes('?from=') ? (request.url.split('?from=')[1] as string) : path,
      redirected: false,
      acceptedAtMs: acceptedAt.get(request.socket) as number,
      headers: request.headers,
    }
    log.push(seen)
    const writeHead = response.writeHead.bind(response) as (...args: unknown[]) => http.ServerResponse
    response.writeHead = ((status: number, ...args: unknown[]) => {
      seen.headersAtMs = performance.now()
      seen.redirected = status >= 301 && status <= 303 && path !== '/to-nowhere'
      return writeHead(status, ...args)
    }) as typeof response.writeHead
    handlerOf(path)(request, response)
  })
  server.on('connection', (socket) => acceptedAt.set(socket, performance.now()))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const closed = await closedPort()
  return {
    url,
    closedPort: closed,
    log,
    urlOf: (path) => (path.startsWith('/') ? url + path : path.replace('CLOSED', String(closed))),
    async stop() {
      server.close()
      server.closeAllConnections()
    },
  }
}

function handlerOf(path: string): Handler {
  const status = /^\/status\/(\d{3})$/.exec(path)?.[1]
  if (status) return text(`status ${status}`, 'text/plain', Number(status))
  const hops = /^\/hops\/(\d+)$/.exec(path)?.[1]
  if (hops) return redirect(hops === '1' ? '/hello' : `/hops/${Number(hops) - 1}`)
  return kinds[path] ?? text('no such website', 'text/plain', 404)
}

async function closedPort(): Promise<number> {
  const server = net.createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
