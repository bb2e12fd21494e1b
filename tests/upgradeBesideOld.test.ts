import type pg from 'pg'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { uuidv7 } from '../src/uuid.ts'
import { makeDayPartitions, migrateToFirst } from './helpers/firstTables.ts'
import { Service, stopServices, until } from './helpers/services.ts'
import { createStack, openPool, type Stack } from './helpers/stack.ts'
import { startWebsites, type Websites } from './helpers/websites.ts'

let stack: Stack
let websites: Websites
const pools: pg.Pool[] = []
beforeEach(async () => {
  ;[stack, websites] = await Promise.all([createStack(), startWebsites()])
})
afterEach(async () => {
  await stopServices()
  await Promise.all(pools.splice(0).map((pool) => pool.end()))
  await websites.stop()
  await stack.stop()
})

/** A consumer that knows the first tables alone: it stores, keeps the status, and counts nothing. */
class OldConsumer {
  readonly stored: string[] = []
  readonly failures: unknown[] = []
  #running = true
  readonly #ended: Promise<void>

  constructor(
    private readonly pool: pg.Pool,
    private readonly websiteId: string,
  ) {
    this.#ended = this.#run()
  }

  async #run(): Promise<void> {
    while (this.#running) {
      const ids = Array.from({ length: 5 }, () => uuidv7())
      await this.#store(ids).then(
        () => this.stored.push(...ids),
        (error) => this.failures.push(error),
      )
    }
  }

  async #store(ids: readonly string[]): Promise<void> {
    const client = await this.pool.connect()
    try {
      await client.query('BEGIN')
      await client.query('SELECT FROM website WHERE website_id = $1 FOR NO KEY UPDATE', [this.websiteId])
      await client.query(
        `INSERT INTO check_entry (check_entry_id, website_id, "timestamp", response_time, http_status, regex, regex_match,
                                  available)
         SELECT id, $2, now(), 12, 200, '', true, true FROM unnest($1::uuid[]) AS id
             ON CONFLICT DO NOTHING`,
        [ids, this.websiteId],
      )
      await client.query("UPDATE website SET status = 'active' WHERE website_id = $1", [this.websiteId])
      await client.query('COMMIT')
      client.release()
    } catch (error) {
      client.release(true)
      throw error
    }
  }

  async stop(): Promise<void> {
    this.#running = false
    await this.#ended
  }
}

test('this version starts beside consumers that know the first tables alone, and no entry of either is lost', async () => {
  const { pool } = stack
  await migrateToFirst(pool)
  // Of tomorrow, too: midnight is no part of this.
  await makeDayPartitions(pool, [new Date(), new Date(Date.now() + 86_400_000)])
  await pool.query('DELETE FROM website')
  const { rows } = await pool.query<{ website_id: string }>(
    `INSERT INTO website (name, url, enabled)
     SELECT name, $1, name = 'new' FROM unnest(ARRAY['old one', 'old two', 'new']) AS name RETURNING website_id`,
    [websites.urlOf('/hello')],
  )
  const [one, two, three] = rows.map(({ website_id }) => website_id) as [string, string, string]
  const old = [one, two].map((websiteId) => {
    const connections = openPool(stack.database)
    pools.push(connections)
    return new OldConsumer(connections, websiteId)
  })
  await until(() => old.every(({ stored }) => stored.length > 100))
  const before = old.map(({ stored }) => stored.length)

  // Whichever comes first migrates.
  const consumer = new Service('consumer', stack.env)
  const producer = new Service('producer', stack.env)
  const entriesOf = async (id: string) =>
    Number((await pool.query('SELECT count(*) AS n FROM check_entry WHERE website_id = $1', [id])).rows[0].n)
  await until(async () => (await entriesOf(three)) > 2)
  const migrated = old.map(({ stored }) => stored.length)
  await until(() => old.every(({ stored }, n) => stored.length > (migrated[n] as number) + 100))
  await Promise.all(old.map((one) => one.stop()))
  expect((await producer.stop()).code).toBe(0)
  await until(async () => (await entriesOf(three)) === websites.log.length)
  expect((await consumer.stop()).code).toBe(0)

  // Nobody was held up for so long that it was an error, and what was committed is there.
  expect(old.flatMap(({ failures }) => failures)).toEqual([])
  const { rows: stored } = await pool.query<{ id: string }>(
    'SELECT check_entry_id AS id FROM check_entry WHERE website_id = ANY ($1)',
    [[one, two]],
  )
  expect(stored.map(({ id }) => id).sort()).toEqual(old.flatMap(({ stored }) => stored).sort())
  // What was there when the rollups came is counted, what the old ones stored afterwards is not; ours is, once.
  const { rows: hours } = await pool.query<{ website_id: string; checks: number }>(
    'SELECT website_id, sum(checks)::integer AS checks FROM check_hour GROUP BY website_id',
  )
  const checks = new Map(hours.map(({ website_id, checks }) => [website_id, checks]))
  for (const [n, id] of [one, two].entries()) {
    expect(checks.get(id)).toBeGreaterThanOrEqual(before[n] as number)
    expect(checks.get(id)).toBeLessThanOrEqual(migrated[n] as number)
  }
  expect(checks.get(three)).toBe(websites.log.length)
})
