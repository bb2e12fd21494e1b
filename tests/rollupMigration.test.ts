import { readFile } from 'node:fs/promises'
import path from 'node:path'
import pg from 'pg'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { withClient } from '../local/databaseAddress.ts'
import type { CheckEntry } from '../src/checkEntry.ts'
import { storeChunk } from '../src/database/chunk.ts'
import { closeDays } from '../src/database/closeDays.ts'
import { migrate } from '../src/database/migrations.ts'
import { isNoPartition } from '../src/database/partitions.ts'
import { checkEntry, decodedEntry, incidents, insertBare } from './helpers/entries.ts'
import { makeDayPartitions, migrateToFirst } from './helpers/firstTables.ts'
import { type Counted, readRollups, rollupsOf } from './helpers/rollupReference.ts'
import { until } from './helpers/services.ts'
import { TestDatabase } from './helpers/testDatabase.ts'

const logger = { info: vi.fn(), warn: vi.fn(), debug: vi.fn() }
const signal = new AbortController().signal
const storing = { signal, logger, intervalSeconds: 60, hourDays: 0, incidents }
const hourMs = 3_600_000
const [one, two, unknown] = [1, 2, 3].map((n) => `00000000-0000-4000-8000-00000000000${n}`) as [string, string, string]
const original = await readFile(path.join(import.meta.dirname, 'data/original-database.sql'), 'utf8')

let database: TestDatabase
beforeEach(async () => {
  vi.clearAllMocks()
  database = await TestDatabase.create()
})
afterEach(() => database.stop())

const addWebsites = () =>
  database.pool.query(
    `INSERT INTO website (website_id, name, url, interval)
     VALUES ('${one}', 'one', 'http://one.example/', NULL), ('${two}', 'two', 'http://two.example/', 300)`,
  )

/** Four days of three websites, the third of which is gone from the list. */
function someEntries(): CheckEntry[] {
  const startMs = Math.floor(Date.now() / hourMs) * hourMs - 75 * hourMs
  return Array.from({ length: 400 }, (_, n) => {
    const failed = n % 11 === 0
    return checkEntry({
      websiteId: [one, two, unknown][n % 3] as string,
      timestamp: new Date(startMs + n * 660_000),
      responseTimeMs: (n * n) % 12_000,
      httpStatus: failed ? (n % 2) * 503 : 200,
      error: failed && n % 2 === 0 ? 'timeout' : null,
      available: !failed,
      recheck: n % 17 === 0,
      // What they cover is nowhere to be read but in the list.
      intervalSeconds: n % 3 === 1 ? 300 : 60,
    })
  })
}

/** What is to be in `check_day`: the hours that had ended. */
async function ended(entries: readonly Counted[]): Promise<Counted[]> {
  const closed = await database.value<Date>('SELECT closed FROM rollup_state')
  expect(closed.getTime()).toBeGreaterThan(Date.now() - 2 * hourMs)
  return entries.filter(({ timestamp }) => timestamp < closed)
}

/** As rows of the original, and of a webmon that fills `available`, are to be counted. */
async function storedEntries(): Promise<Counted[]> {
  return await database.all<Counted & Record<string, unknown>>(
    `SELECT website_id AS "websiteId", "timestamp", response_time AS "responseTimeMs", http_status AS "httpStatus",
            error IS NULL AND http_status >= 100 AND http_status < 400 AND regex_match AS available, recheck,
            60 AS "intervalSeconds"
       FROM check_entry`,
  )
}

test('the entries of several websites, hours and days are added up, rechecks left out', async () => {
  await migrateToFirst(database.pool)
  await addWebsites()
  const entries = someEntries()
  await makeDayPartitions(
    database.pool,
    entries.map(({ timestamp }) => timestamp),
  )
  await insertBare(database.pool, entries)
  await migrate(database.pool, { logger, intervalSeconds: 60 })
  expect(await readRollups(database.pool, 'hour')).toEqual(rollupsOf(entries, 'hour'))
  expect(await readRollups(database.pool, 'day')).toEqual(rollupsOf(await ended(entries), 'day'))
  // What follows goes on top.
  const more = someEntries()
  await storeChunk(database.pool, more.map(decodedEntry), storing)
  await closeDays(database.pool, { logger, signal })
  expect(await readRollups(database.pool, 'hour')).toEqual(rollupsOf([...entries, ...more], 'hour'))
  expect(await readRollups(database.pool, 'day')).toEqual(rollupsOf(await ended([...entries, ...more]), 'day'))
})

test.each(['at once', 'later'])('the rows of the original are added up %s, whose available is NULL', async (when) => {
  // On a connection of its own: the dump leaves an empty search_path behind.
  await withClient(database.address, (client) => client.query(original))
  await database.pool.query(
    `UPDATE check_entry SET regex_match = false WHERE http_status = 404;
     INSERT INTO check_entry VALUES (gen_random_uuid(), gen_random_uuid(), '-infinity', 1, 200, '', true)`,
  )
  if (when === 'later') await migrateToFirst(database.pool)
  await migrate(database.pool, { logger, intervalSeconds: 60 })
  // One whose time means nothing is in no hour.
  const entries = (await storedEntries()).filter(({ timestamp }) => (timestamp as Date | number) !== -Infinity)
  expect(entries).toHaveLength(202)
  expect(await readRollups(database.pool, 'hour')).toEqual(rollupsOf(entries, 'hour'))
  expect(await readRollups(database.pool, 'day')).toEqual(rollupsOf(await ended(entries), 'day'))
})

test('the rollups belong to the owner of check_entry, and who may write or read that may do so with them', async () => {
  const [group, writer, reader] = [
    await database.makeRole('group'),
    await database.makeRole('writer', `LOGIN PASSWORD 'writer'`),
    await database.makeRole('reader'),
  ]
  await migrateToFirst(database.pool)
  await addWebsites()
  await database.asAdmin(
    `GRANT ${group} TO webmon; GRANT CREATE ON SCHEMA public TO ${group}; ALTER TABLE check_entry OWNER TO ${group};
     GRANT SELECT, INSERT ON check_entry TO ${writer}; GRANT SELECT, UPDATE ON website TO ${writer};
     GRANT SELECT ON check_entry TO ${reader}`,
  )
  await migrate(database.pool, { logger })
  const owners = await database.all(
    `SELECT DISTINCT relowner::regrole::text AS owner FROM pg_class
      WHERE relname ~ '^(check_hour|check_day|rollup_state|stale_day)' AND relkind IN ('r', 'p')`,
  )
  expect(owners).toEqual([{ owner: group }])

  const asWriter = database.another({ ...database.address, user: writer, password: 'writer' })
  const entries = someEntries().filter(({ timestamp }) => timestamp.getUTCDate() === new Date().getUTCDate())
  const now = [...entries, checkEntry({ websiteId: one })]
  expect(await storeChunk(asWriter, now.map(decodedEntry), storing)).toMatchObject({ entries: now.length })
  await closeDays(asWriter, { logger, signal })
  expect(await readRollups(database.pool, 'hour')).toEqual(rollupsOf(now, 'hour'))
  expect(await readRollups(database.pool, 'day')).toEqual(rollupsOf(await ended(now), 'day'))
  const rights = await database.all(
    `SELECT name, has_table_privilege($1, name, 'SELECT') AS reads,
            has_table_privilege($1, name, 'INSERT, UPDATE, DELETE') AS writes
       FROM unnest(ARRAY['check_hour', 'check_day']) AS name`,
    [reader],
  )
  expect(rights).toEqual(['check_hour', 'check_day'].map((name) => ({ name, reads: true, writes: false })))
})

test('what is being stored while they are added up is counted once', async () => {
  await migrateToFirst(database.pool)
  await addWebsites()
  const entries = someEntries()
  await makeDayPartitions(database.pool, [...entries.map(({ timestamp }) => timestamp), new Date()])
  await insertBare(database.pool, entries)
  // A webmon that knows no rollups is in the middle of storing.
  const old = await database.begin(
    `INSERT INTO check_entry (website_id, response_time, http_status, regex, regex_match, available)
     VALUES ('${one}', 12, 200, '', true, true)`,
  )
  const migrating = migrate(database.pool, { logger, intervalSeconds: 60 })
  await until(() =>
    database.value<boolean>(`SELECT count(*) > 0 FROM pg_stat_activity
                              WHERE datname = current_database() AND wait_event_type = 'Lock'`),
  )
  // And those that know them want to store, which they may as soon as the tables are there.
  const pools = [database.another(), database.another()]
  const more = Array.from({ length: 200 }, (_, n) =>
    checkEntry({ websiteId: [one, two][n % 2] as string, intervalSeconds: n % 2 === 0 ? 60 : 300 }),
  )
  const halves = [more.slice(0, 120), more.slice(80)]
  const stored = pools.map((pool, n) =>
    until(() => storeChunk(pool, (halves[n] as CheckEntry[]).map(decodedEntry), storing).catch(tooEarly)),
  )
  await old.query('COMMIT')
  await migrating
  const inserted = await Promise.all(stored)
  expect(inserted.reduce((sum, { entries }) => sum + entries, 0)).toBe(200)
  const all = (await storedEntries()).map((entry) => ({
    ...entry,
    intervalSeconds: entry.websiteId === two ? 300 : 60,
  }))
  expect(all).toHaveLength(entries.length + 1 + 200)
  expect(await readRollups(database.pool, 'hour')).toEqual(rollupsOf(all, 'hour'))
})

function tooEarly(error: unknown): undefined {
  if (!(error instanceof pg.DatabaseError && error.code === '42P01') && !isNoPartition(error)) throw error
}
