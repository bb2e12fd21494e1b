/**
 * The websites of the benchmarks: a page of 10 kB by HTTP and by HTTPS, at once or after so many milliseconds. Prints its
 * ports and its authority as JSON.
 */
import { once } from 'node:events'
import http from 'node:http'
import https from 'node:https'
import type { AddressInfo } from 'node:net'
import { Authority } from '../../local/certificates.ts'

const page = Buffer.from(`Hello world ${'x'.repeat(10_000)} needle`)
const delayMs = Number(process.argv[2] ?? 0)
const answer = (_: http.IncomingMessage, response: http.ServerResponse) => {
  if (delayMs > 0) setTimeout(send, delayMs, response)
  else send(response)
}
const send = (response: http.ServerResponse) => {
  response.writeHead(200, { 'content-type': 'text/html; charset=utf-8', 'content-length': page.length })
  response.end(page)
}
const authority = await Authority.create()
const { cert, key } = await authority.issue({ hosts: ['localhost', '127.0.0.1'] })
const servers = [http.createServer(answer), https.createServer({ cert, key }, answer)]
for (const server of servers) {
  server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 })
  await once(server, 'listening')
}
const [plain, secured] = servers.map((server) => (server.address() as AddressInfo).port)
process.stdout.write(`${JSON.stringify({ http: plain, https: secured, ca: authority.cert })}\n`)
process.on('disconnect', () => process.exit())
