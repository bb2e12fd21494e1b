/** A website that takes so many milliseconds, and knows how long it really took and when it was asked. */
import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo, Socket } from 'node:net'

const delayMs = Number(process.argv[2])
const acceptedAt = new WeakMap<Socket, number>()
let asked: number[] = []
let took: number[] = []
const server = http.createServer((request, response) => {
  const atMs = acceptedAt.get(request.socket) as number
  asked.push(atMs)
  setTimeout(() => {
    took.push(performance.now() - atMs)
    response.end('Hello world')
  }, delayMs)
})
server.on('connection', (socket) => acceptedAt.set(socket, performance.now()))
server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 })
await once(server, 'listening')
process.stdout.write(`${(server.address() as AddressInfo).port}\n`)
process.on('disconnect', () => process.exit())
process.on('message', (message) => {
  if (message === 'start') {
    asked = []
    took = []
    return
  }
  const sorted = took.toSorted((a, b) => a - b)
  const start = asked[0] as number
  const bins = new Map<number, number>()
  for (const atMs of asked) {
    const bin = Math.floor((atMs - start) / 100)
    bins.set(bin, (bins.get(bin) ?? 0) + 1)
  }
  const whole = Math.floor(((asked.at(-1) as number) - start) / 100)
  process.send?.({
    p50: sorted[Math.floor(sorted.length * 0.5)],
    p99: sorted[Math.floor(sorted.length * 0.99)],
    busiest: Math.max(...bins.values()) / (asked.length / whole),
    served: asked.length,
  })
})
