import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { Registry } from 'prom-client'
import { isLoggedIn, loginHeaders } from './basicAuth.ts'
import type { HttpConfig } from './config.ts'
import type { Health, Report } from './health.ts'
import { FatalError } from './retry.ts'

export interface Shown {
  readonly health: Health
  readonly registry: Registry
  readonly page?: ((request: IncomingMessage, response: ServerResponse) => Promise<boolean>) | undefined
}

/** Who asks these is a machine that has no password, and they say nothing of the websites. */
const open = ['/healthz', '/readyz']

/**
 * What is to be seen of a process from outside:
 *
 * - `/metrics`: all metrics, for Prometheus.
 * - `/healthz`: 200 while its loops move. For whoever starts it again otherwise.
 * - `/readyz`: 200 while it is connected and works, else 503 and what is wrong. For people, and whoever waits for it.
 *
 * With a login, everything but the two that tell whether it is well is for whoever has it.
 *
 * @param page what else there is: it answers, or says that there is nothing at this path
 * @param name for messages: `producer` or `consumer`
 * @returns what ends it
 * @throws {FatalError} when the port cannot be listened on
 */
export async function serveStatus(
  name: string,
  { host, port, login }: HttpConfig,
  { health, registry, page: more }: Shown,
): Promise<() => void> {
  if (port === 0) return () => undefined
  const pages: Record<string, (response: ServerResponse) => Promise<void>> = {
    '/metrics': async (response) => {
      const metrics = await registry.metrics()
      response.writeHead(200, { 'content-type': registry.contentType }).end(metrics)
    },
    '/healthz': async (response) => answer(response, 'alive', 'stuck', await health.loops()),
    '/readyz': async (response) => answer(response, 'ready', 'not ready', await health.parts()),
  }
  const paths = [...(more ? ['/'] : []), ...Object.keys(pages)].join(', ')
  const answerTo = async (request: IncomingMessage, response: ServerResponse) => {
    const { url = '', method = '' } = request
    const path = url.split('?')[0] as string
    if (login && !open.includes(path) && !isLoggedIn(request, login)) {
      return send(response, 401, { error: 'who are you?' }, loginHeaders)
    }
    const page = pages[path]
    if (method !== 'GET' && method !== 'HEAD') return send(response, 405, { error: 'only GET' }, { allow: 'GET, HEAD' })
    if (page) return await page(response)
    if (!(await more?.(request, response))) send(response, 404, { error: `not found; there is ${paths}` })
  }
  const server = createServer((request, response) => {
    answerTo(request, response).catch(() => response.destroy())
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', ({ code, message }: NodeJS.ErrnoException) => {
      const taken = code === 'EADDRINUSE' && 'is taken: choose another port, or 0 for none'
      reject(new FatalError(`${name}.http: ${host}:${port} ${taken || `cannot be listened on: ${message}`}`))
    })
    server.listen(port, host, resolve)
  })
  return () => {
    server.close()
    server.closeAllConnections()
  }
}

function answer(response: ServerResponse, good: string, bad: string, { well, parts }: Report): void {
  send(response, well ? 200 : 503, { status: well ? good : bad, parts })
}

function send(response: ServerResponse, status: number, body: unknown, headers: Record<string, string> = {}): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers })
  response.end(`${JSON.stringify(body)}\n`)
}
