import type pg from 'pg'
import { type DatabaseAddress, withClient } from '../../local/databaseAddress.ts'
import type { CheckEntry } from '../../src/checkEntry.ts'
import type { DatabaseConfig } from '../../src/config.ts'
import { type Stored, storeChunk } from '../../src/database/chunk.ts'
import { openDatabase } from '../../src/database/database.ts'
import { migrate } from '../../src/database/migrations.ts'
import type { Decoded } from '../../src/message.ts'
import type { TopicRecord } from '../../src/topicRecord.ts'
import { incidents } from './entries.ts'
import { until } from './services.ts'

export const silent = {
  trace() {},
  debug() {},
  info() {},
  warn() {},
  error() {},
  fatal() {},
} as never

/** A database with webmon's tables, and what the consumer does to it with a chunk. */
export interface Store {
  readonly address: DatabaseAddress
  readonly pool: pg.Pool
  /** The ids of websites that are there. */
  readonly websiteIds: readonly string[]
  store(chunk: readonly Decoded[]): Promise<Stored>
  stop(): Promise<void>
}

/**
 * @param address of an empty database
 * @param settings of the database, for each session
 */
export async function openStore(
  address: DatabaseAddress,
  { connections = 4, settings = {} as Record<string, string> } = {},
): Promise<Store> {
  await withClient(address, async (client) => {
    for (const [name, value] of Object.entries(settings))
      await client.query(`ALTER DATABASE ${address.database} SET ${name} = '${value}'`)
  })
  const { host, port, database: db, user, password } = address
  const config = { host, port, db, user, password, sslMode: 'disable', tls: {} } as unknown as DatabaseConfig
  const pool = openDatabase(config, { name: 'test', connections }, silent)
  await migrate(pool, { logger: silent })
  await pool.query(`DELETE FROM website`)
  const { rows } = await pool.query<{ id: string }>(
    `INSERT INTO website (name, url) SELECT 'website ' || n, 'http://127.0.0.1/' FROM generate_series(1, 7) AS n
     RETURNING website_id AS id`,
  )
  const { signal } = new AbortController()
  return {
    address,
    pool,
    websiteIds: rows.map(({ id }) => id),
    store: (chunk) => storeChunk(pool, chunk, { signal, logger: silent, intervalSeconds: 30, hourDays: 0, incidents }),
    stop: () => pool.end(),
  }
}

let offset = 0n

/** An entry as it comes out of the topic. */
export function delivered(entry: CheckEntry): { record: TopicRecord; entry: CheckEntry } {
  return { record: topicRecord(entry.id), entry }
}

export function topicRecord(value: string | Buffer | null): TopicRecord {
  const bytes = typeof value === 'string' ? Buffer.from(value) : value
  return { topic: 'webmon', partition: 0, offset: offset++, timestampMs: Date.now(), key: null, value: bytes }
}

/** Waits until a session of the database waits for another one's lock. */
export async function untilBlocked({ pool }: Store): Promise<void> {
  await until(async () => {
    const { rows } = await pool.query(
      "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'",
    )
    return rows.length > 0
  })
}
