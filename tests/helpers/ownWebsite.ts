import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'

/** A website that answers as the test wants it. */
export interface OwnWebsite {
  /** Without a slash at its end. */
  readonly url: string
  readonly port: number
  stop(): void
}

export async function startWebsite(answer: http.RequestListener): Promise<OwnWebsite> {
  const server = http.createServer(answer)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    stop() {
      server.close()
      server.closeAllConnections()
    },
  }
}
