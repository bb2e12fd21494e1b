import { once } from 'node:events'
import http from 'node:http'
import type net from 'node:net'
import type { AddressInfo } from 'node:net'
import type { Secrets } from './secrets.ts'

/** Websites that want secrets and tell some, by their path. What goes through it as a proxy it answers itself. */
export interface LoginWebsites {
  readonly host: string
  readonly port: number
  /** All requests, with their headers and bodies. */
  seen(): string
  stop(): Promise<void>
}

export async function startLoginWebsites(secrets: Secrets): Promise<LoginWebsites> {
  let seen = ''
  let host = ''
  const locations: Record<string, () => string> = {
    '/redirect': () => `http://bob:${secrets.of('location password')}@${host}/end?t=${secrets.of('location token')}`,
    '/redirect-refused': () => `http://bob:${secrets.of('location password')}@127.0.0.1:1/?t=1`,
    '/redirect-tls': () => `https://bob:${secrets.of('location password')}@${host}/?t=1`,
    '/redirect-unknown': () => `http://bob:${secrets.of('location password')}@no-such.invalid/?t=1`,
    '/redirect-ftp': () => `ftp://bob:${secrets.of('location password')}@${host}/`,
    '/redirect-nonsense': () => `http://bob:${secrets.of('location password')}@[::nonsense/`,
  }
  const server = http.createServer((request, response) => {
    // In the absolute form it is meant for a proxy.
    const { pathname } = new URL(request.url ?? '', `http://${host}`)
    let body = ''
    request.setEncoding('utf8').on('data', (text: string) => {
      body += text
    })
    request.once('end', () => {
      seen += `${request.method} ${request.url}\n${request.rawHeaders.join('\n')}\n${body}\n`
      if (pathname === '/garbage') return void request.socket.end(`HTTP/1.1 two ${secrets.of('cookie')}\r\n\r\n`)
      const location = locations[pathname]?.()
      const cookie = `session=${secrets.of('cookie')}`
      response.writeHead(location ? 302 : 200, { 'set-cookie': cookie, ...(location && { location }) })
      response.end('Hello')
    })
  })
  server.on('connect', ({ rawHeaders }, socket) => {
    seen += rawHeaders.join('\n')
    ;(socket as net.Socket).end('HTTP/1.1 407 Who are you\r\n\r\n')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  host = `127.0.0.1:${port}`
  return {
    host,
    port,
    seen: () => seen,
    async stop() {
      server.close()
      server.closeAllConnections()
    },
  }
}

/** Rows of `website`, each with a secret wherever one fits, and some of them wrong. */
export function loginRows({ host }: LoginWebsites, secrets: Secrets): Record<string, unknown>[] {
  const user = `ann:${secrets.of('url password')}`
  const query = `?token=${secrets.of('url token')}`
  const headers = {
    Authorization: `Bearer ${secrets.of('header')}`,
    Cookie: `id=${secrets.of('header')}`,
  }
  const body = secrets.of('body')
  const row = (name: string, url: string, more: object = {}) => ({ name, url, headers, body, method: 'POST', ...more })
  const paths = [
    'ok',
    'garbage',
    ...['', '-refused', '-tls', '-unknown', '-ftp', '-nonsense'].map((k) => `redirect${k}`),
  ]
  return [
    ...paths.map((path) => row(path, `http://${user}@${host}/${path}${query}`)),
    row('basic', `http://${user}@${host}/basic${query}`, { headers: { 'X-Key': secrets.of('header') } }),
    row('no match', `http://${user}@${host}/ok${query}`, { regex: 'absent' }),
    row('refused', `http://${user}@127.0.0.1:1/${query}`),
    row('unknown', `http://${user}@no-such.invalid/${query}`),
    row('tls', `https://${user}@${host}/${query}`),
    row('ftp', `ftp://${user}@${host}/${query}`),
    row('mail', `mailto:${user}@one.example${query}`),
    row('no scheme', `${user}@${host}/${query}`),
    row('no URL', `//${user}@${host}/${query}`),
    row('port 0', `http://${user}@127.0.0.1:0/${query}`),
    row('header of two lines', `http://${user}@${host}/ok`, { headers: { 'X-Key': `a\r\n${secrets.of('header')}` } }),
    row('header in its name', `http://${user}@${host}/ok`, {
      headers: { [`Authorization: Bearer ${secrets.of('header')}`]: '' },
    }),
    row('header of several', `http://${user}@${host}/ok`, { headers: { 'X-Key': [secrets.of('header')] } }),
  ]
}
