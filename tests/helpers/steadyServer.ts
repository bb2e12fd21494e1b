/** A website in a process of its own that answers each request after the same time: started by `startSteadyServer`. */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'

export interface SteadyServer {
  readonly url: string
  readonly pid: number
  stop(): Promise<void>
}

export const steadyMs = 20

export async function startSteadyServer(): Promise<SteadyServer> {
  const child = fork(fileURLToPath(import.meta.url), ['steady'], { execArgv: ['--import', 'tsx'] })
  const [port] = await once(child, 'message')
  return {
    url: `http://127.0.0.1:${port}/`,
    pid: child.pid as number,
    async stop() {
      const closed = once(child, 'close')
      child.kill('SIGKILL')
      await closed
    },
  }
}

if (process.argv[2] === 'steady') {
  const server = http.createServer((_, response) => setTimeout(() => response.end('Hello'), steadyMs))
  server.listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port))
  process.on('disconnect', () => process.exit())
}
