/**
 * The process of the hostile websites, one port each, so that their bombs and floods burden nobody else: started by
 * `startHostileServer`, it tells its ports, and whenever it is asked how many connections each of them has open.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import net, { type AddressInfo } from 'node:net'
import os from 'node:os'
import { fileURLToPath } from 'node:url'
import { Authority } from '../../local/certificates.ts'
import { freePort } from '../../local/ports.ts'
import { response, type Serve, says } from './hostile/serve.ts'
import { hostileWebsites } from './hostile/websites.ts'

export interface HostileServer {
  /** Where a website is, without a scheme. */
  portOf(name: string): number
  /** How many connections a website has open, and has had. */
  connections(): Promise<Record<string, { open: number; accepted: number }>>
  stop(): Promise<void>
}

export async function startHostileServer(): Promise<HostileServer> {
  const child = fork(fileURLToPath(import.meta.url), ['hostile'], { execArgv: ['--import', 'tsx'] })
  const ask = async <T>(question: string): Promise<T> => {
    child.send(question)
    const [answer] = await once(child, 'message')
    return answer as T
  }
  const ports = await ask<Record<string, number>>('ports')
  return {
    portOf: (name) => ports[name] as number,
    connections: () => ask('connections'),
    stop: () => end(child),
  }
}

async function end(child: ChildProcess): Promise<void> {
  const closed = once(child, 'close')
  child.kill('SIGKILL')
  await closed
}

async function serve(): Promise<void> {
  // It floods as fast as it can, and is not to be what the process that checks waits for.
  os.setPriority(10)
  const authority = await Authority.create()
  const certificate = await authority.issue()
  const helloPort = await listen(says(response('Hello')))
  const ports: Record<string, number> = {}
  const connections: Record<string, { open: number; accepted: number }> = {}
  const acts: Record<string, Serve> = {}
  for (const { name } of hostileWebsites) {
    const count = { open: 0, accepted: 0 }
    connections[name] = count
    ports[name] = await listen((socket) => {
      count.open++
      count.accepted++
      socket.on('close', () => count.open--)
      acts[name]?.(socket)
    })
  }
  // Last, so that none of the others is given it.
  const closedPort = await freePort()
  for (const { name, serve } of hostileWebsites) acts[name] = serve({ certificate, closedPort, helloPort })
  process.on('message', (question) => process.send?.(question === 'ports' ? ports : connections))
  process.on('disconnect', () => process.exit())
}

/** @returns the port */
async function listen(onConnection: (socket: net.Socket) => void): Promise<number> {
  const server = net.createServer((socket) => {
    socket.on('error', () => undefined)
    onConnection(socket)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

if (process.argv[2] === 'hostile') await serve()
