import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { DatabaseAddress } from '../../local/databaseAddress.ts'
import type { DatabaseConfig } from '../../src/config.ts'
import { openDatabase } from '../../src/database/database.ts'
import { Page } from '../../src/page/page.ts'

const logger = { trace() {}, debug() {}, info() {}, warn: console.error, error: console.error, fatal() {} } as never

/** The page alone, as the consumer serves it. */
export async function servePage({
  host,
  port,
  database: db,
  user,
  password,
}: DatabaseAddress): Promise<{ url: string; stop(): Promise<void> }> {
  const config = { host, port, db, user, password, sslMode: 'disable', tls: {} } as unknown as DatabaseConfig
  const pool = openDatabase(config, { name: 'page', connections: 3 }, logger)
  const page = new Page(pool, new AbortController().signal, logger)
  const server = createServer((request, response) => {
    page.serve(request, response).then(
      (is) => is || response.writeHead(404).end(),
      () => response.destroy(),
    )
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const stop = async () => {
    server.closeAllConnections()
    server.close()
    await pool.end()
  }
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, stop }
}
