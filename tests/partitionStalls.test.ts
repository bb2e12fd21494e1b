import { readFile } from 'node:fs/promises'
import type pg from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { withClient } from '../local/databaseAddress.ts'
import { type LocalPostgres, startPostgres } from '../local/postgres.ts'
import { storeChunk } from '../src/database/chunk.ts'
import { migrate } from '../src/database/migrations.ts'
import { ensurePartitionFor, ensurePartitions } from '../src/database/partitions.ts'
import { applyRetention } from '../src/database/retention.ts'
import { checkEntry, decodedEntry, incidents } from './helpers/entries.ts'
import { until } from './helpers/services.ts'
import { openPool } from './helpers/stackEnv.ts'

/**
 * A server of its own, which writes into its log who has waited for a lock for more than 50 ms. A duration would tell of
 * the machine as well: on a busy one an insert that waits for nobody takes longer than that.
 */
const settings = { deadlock_timeout: '50ms', log_lock_waits: 'on', log_line_prefix: '%a: ' }
const logger = { info: vi.fn(), warn: vi.fn(), debug: vi.fn() }
const signal = new AbortController().signal
const now = new Date('2021-03-15T12:00:00Z')

let postgres: LocalPostgres
let pool: pg.Pool
let inserters: Inserters
beforeAll(async () => {
  postgres = await startPostgres({ unsafe: true, settings })
})
afterAll(() => postgres.stop())

beforeEach(async () => {
  const database = await postgres.createDatabase()
  pool = openPool(database)
  await migrate(pool, { logger })
  await ensurePartitionFor(pool, [new Date('2020-12-30'), new Date('2020-12-31')], { logger })
  inserters = new Inserters([openPool(database, 'inserter'), openPool(database, 'inserter')])
  await inserters.goOn()
})
afterEach(async () => {
  await inserters.stop()
  await pool.end()
})

/** Inserts without a pause on connections of their own, as a consumer does and as the original's. */
class Inserters {
  inserted = 0
  #going = true
  readonly #work: Promise<void>[]

  constructor(private readonly pools: readonly [pg.Pool, pg.Pool]) {
    const [ours, original] = pools
    const storing = { signal, logger, intervalSeconds: 30, hourDays: 0, incidents }
    this.#work = [
      this.#repeat(async () => {
        await storeChunk(ours, [decodedEntry(checkEntry()), decodedEntry(checkEntry({ responseTimeMs: 99 }))], storing)
      }),
      this.#repeat(async () => {
        await original.query(`insert into check_entry(website_id, response_time, http_status, regex, regex_match)
                              values (gen_random_uuid(), 12, 200, '', true)`)
      }),
    ]
  }

  async #repeat(insert: () => Promise<void>): Promise<void> {
    for (; this.#going; this.inserted++) await insert()
  }

  /** Some more have come through. */
  async goOn(): Promise<void> {
    const before = this.inserted
    await until(() => this.inserted > before + 20)
  }

  async stop(): Promise<void> {
    if (!this.#going) return
    this.#going = false
    await Promise.all(this.#work)
    for (const pool of this.pools) await pool.end()
  }
}

/** What the server said of the inserters. */
async function lockWaits(): Promise<string[]> {
  const lines = (await readFile(postgres.logFile, 'utf8')).split('\n')
  return lines.filter((line) => line.startsWith('inserter: ') && /(still waiting for|acquired) /.test(line))
}

/** A transaction as pg_dump's: https://www.postgresql.org/docs/18/app-pgdump.html */
async function readEverything(): Promise<pg.PoolClient> {
  const reader = await pool.connect()
  await reader.query('BEGIN ISOLATION LEVEL REPEATABLE READ')
  const { rows } = await reader.query(
    `SELECT oid::regclass::text AS name FROM pg_class WHERE relname ~ '^(check|website)' AND relkind IN ('r', 'p')`,
  )
  await reader.query(`LOCK TABLE ${rows.map(({ name }) => name).join(', ')} IN ACCESS SHARE MODE`)
  await reader.query('SELECT count(*) FROM check_entry')
  return reader
}

const oldPartitions = async () =>
  (await pool.query(`SELECT relname FROM pg_class WHERE relname ~ '^check_\\w+_2020\\d+$' AND relkind = 'r'`)).rows

test('dropping and making partitions stalls no insert, also while a long reader is open', async () => {
  const retention = { entryDays: 10, hourDays: 10, dayDays: 10 }
  const drop = () => applyRetention(pool, retention, { logger, signal, now, patienceMs: 1_000 })
  const reader = await readEverything()
  await drop()
  await inserters.goOn()
  expect(await oldPartitions()).toHaveLength(4)
  await ensurePartitions(pool, { logger, daysAhead: 60 })
  await drop()
  await inserters.goOn()
  await reader.query('COMMIT')
  reader.release()
  await drop()
  await ensurePartitions(pool, { logger, daysAhead: 90 })
  await inserters.goOn()
  await inserters.stop()
  expect(await oldPartitions()).toEqual([])
  const made = await pool.query(`SELECT count(*)::integer FROM pg_inherits WHERE inhparent = 'check_entry'::regclass`)
  expect(made.rows).toEqual([{ count: 91 }])
  expect(await lockWaits()).toEqual([])
})

test('a plain DROP of a partition would stall them, and that would be seen', async () => {
  const reader = await readEverything()
  const { database } = (await pool.query('SELECT current_database() AS database')).rows[0]
  const dropping = withClient({ ...postgres.database, database }, async (client) => {
    await client.query(`SET lock_timeout = '500ms'`)
    await client.query('DROP TABLE check_entry_20201231')
  })
  await expect(dropping).rejects.toThrow('lock timeout')
  await reader.query('COMMIT')
  reader.release()
  await inserters.goOn()
  await inserters.stop()
  expect(await lockWaits()).not.toEqual([])
})
