import { once } from 'node:events'
import https from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import { Authority } from '../../local/certificates.ts'
import { AddressFilter } from '../../src/check/addressFilter.ts'
import { Checker } from '../../src/check/checker.ts'
import { Resolver } from '../../src/check/dns/resolver.ts'
import { website } from '../../tests/helpers/entries.ts'

/**
 * What one check by HTTPS sends and receives, handshake and headers included and without the page, as the server counts
 * it. The certificate is checked by nobody here: its chain is sent all the same.
 */
export async function httpsCheckBytes(): Promise<{ sent: number; received: number }> {
  const page = Buffer.alloc(10_000, 'x')
  const authority = await Authority.create()
  const issued = await authority.issue({ hosts: ['127.0.0.1'] })
  // A chain of two, as public authorities have it.
  const server = https.createServer({ ...issued, cert: `${issued.cert}\n${authority.cert}` }, (_, response) => {
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8', 'content-length': page.length })
    response.end(page)
  })
  const closed = new Promise<Socket>((resolve) => {
    server.on('connection', (socket: Socket) => socket.once('close', () => resolve(socket)))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const resolver = new Resolver()
  const checker = new Checker({
    timeoutMs: 10_000,
    maxBodyBytes: 1_000_000,
    userAgent: 'webmon/1.0',
    resolver,
    filter: new AddressFilter([], []),
    proxyFor: () => undefined,
    search: async () => true,
  })
  const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}/`
  const entry = await checker.check(website({ url, verifyCertificate: false }))
  if (!entry?.available) throw new Error(`the check failed: ${entry?.detail}`)
  const { bytesRead, bytesWritten } = await closed
  server.close()
  resolver.close()
  return { sent: bytesRead, received: bytesWritten - page.length }
}
