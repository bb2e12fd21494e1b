import { Client } from 'pg'

/** How to reach one database. */
export interface DatabaseAddress {
  readonly host: string
  readonly port: number
  readonly database: string
  readonly user: string
  readonly password: string
  /** As libpq's. */
  readonly sslMode: string
  /** All of it as postgres://... */
  readonly url: string
}

export function databaseAddress(parts: Omit<DatabaseAddress, 'url'>): DatabaseAddress {
  const { host, port, database, user, password, sslMode } = parts
  const url = new URL(`postgres://${host.includes(':') ? `[${host}]` : host}:${port}/`)
  url.username = encodeURIComponent(user)
  url.password = encodeURIComponent(password)
  url.pathname = encodeURIComponent(database)
  if (sslMode !== 'disable') url.searchParams.set('sslmode', sslMode)
  return { ...parts, url: url.href }
}

/** @throws with one line when the text is no postgres:// URL with a host and a database */
export function parseDatabaseUrl(text: string): DatabaseAddress {
  const url = URL.canParse(text) ? new URL(text) : undefined
  const database = decodeURIComponent(url?.pathname.slice(1) ?? '')
  if (!url || !/^postgres(ql)?:$/.test(url.protocol) || url.hostname === '' || database === '') {
    throw new Error('WEBMON_TEST_DATABASE: expected a URL such as postgres://user:password@host:5432/database')
  }
  return databaseAddress({
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: Number(url.port || 5432),
    database,
    user: decodeURIComponent(url.username),
    password: decodeURIComponent(url.password),
    sslMode: url.searchParams.get('sslmode') ?? 'prefer',
  })
}

/** The URL for people to read: without the password. */
export function withoutPassword({ url }: DatabaseAddress): string {
  const shown = new URL(url)
  shown.password = ''
  return shown.href
}

/** Runs statements in one connection, and closes it. */
export async function withClient<T>(address: DatabaseAddress, work: (client: Client) => Promise<T>): Promise<T> {
  const client = await connect(address)
  try {
    return await work(client)
  } finally {
    await client.end().catch(() => {})
  }
}

/** A connection as `sslMode` says, as far as the tools beside the services need it: certificates are not verified. */
export async function connect(address: DatabaseAddress): Promise<Client> {
  const { host, port, database, user, password, sslMode } = address
  const attempt = async (tls: boolean) => {
    const ssl = tls && { rejectUnauthorized: false }
    const client = new Client({ host, port, database, user, password, ssl, connectionTimeoutMillis: 5000 })
    // A server that ends closes our connection; without a listener this would end the process.
    client.on('error', () => {})
    await client.connect()
    return client
  }
  if (sslMode === 'disable') return attempt(false)
  return attempt(true).catch((error: unknown) => {
    if (sslMode === 'prefer' && /does not support SSL/.test(String(error))) return attempt(false)
    throw error
  })
}
