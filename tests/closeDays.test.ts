import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { CheckEntry } from '../src/checkEntry.ts'
import { storeChunk } from '../src/database/chunk.ts'
import { closeDays } from '../src/database/closeDays.ts'
import { migrate } from '../src/database/migrations.ts'
import { applyRetention } from '../src/database/retention.ts'
import { checkEntry, decodedEntry, incidents } from './helpers/entries.ts'
import { readRollups, rollupsOf } from './helpers/rollupReference.ts'
import { until } from './helpers/services.ts'
import { TestDatabase } from './helpers/testDatabase.ts'

const logger = { info: vi.fn(), warn: vi.fn(), debug: vi.fn() }
const signal = new AbortController().signal
const [hourMs, dayMs] = [3_600_000, 86_400_000]
const websites = [1, 2, 3].map((n) => `00000000-0000-4000-8000-00000000000${n}`)

let database: TestDatabase
beforeEach(async () => {
  vi.clearAllMocks()
  database = await TestDatabase.create()
  await migrate(database.pool, { logger })
})
afterEach(() => database.stop())

const close = (pool = database.pool, more = {}) => closeDays(pool, { logger, signal, ...more })
const store = (entries: readonly CheckEntry[], pool = database.pool, hourDays = 0) =>
  storeChunk(pool, entries.map(decodedEntry), { signal, logger, intervalSeconds: 30, hourDays, incidents })
const hours = () => readRollups(database.pool, 'hour')
const days = () => readRollups(database.pool, 'day')
const closed = () => database.value<Date>('SELECT closed FROM rollup_state')
/** The service has been down for so long. */
const closedAt = (time: Date) => database.pool.query('UPDATE rollup_state SET closed = $1', [time])

/** So many, a minute apart, of three websites. */
function entriesFrom(time: Date, count: number): CheckEntry[] {
  return Array.from({ length: count }, (_, n) =>
    checkEntry({
      websiteId: websites[n % 3] as string,
      timestamp: new Date(time.getTime() + n * 60_000),
      responseTimeMs: (n * 37) % 11_000,
      httpStatus: n % 7 === 0 ? 0 : 200,
      available: n % 5 !== 0,
    }),
  )
}

/** Those whose hour was over when the days were closed. */
async function ended(entries: readonly CheckEntry[]): Promise<CheckEntry[]> {
  const end = await closed()
  return entries.filter(({ timestamp }) => timestamp < end)
}

test('a day holds the sums of its hours that have ended, and comes to its end with the last of them', async () => {
  const start = new Date(Date.now() - 50 * hourMs)
  await closedAt(start)
  const entries = entriesFrom(start, 51 * 60)
  await store(entries)
  // Marks say which days are late; here the days since the last time are enough.
  await database.pool.query('TRUNCATE stale_day')
  await close()
  const over = await ended(entries)
  expect(over.length).toBeLessThan(entries.length)
  expect(await days()).toEqual(rollupsOf(over, 'day'))
  expect(await hours()).toEqual(rollupsOf(entries, 'hour'))
  expect((await closed()).getTime()).toBe(Math.floor(Date.now() / hourMs) * hourMs)
})

test('a day does not change when there is nothing new', async () => {
  await store(entriesFrom(new Date(Date.now() - 5 * dayMs), 100))
  await close()
  const rows = () => database.all('SELECT xmin, ctid, website_id, day FROM check_day ORDER BY 3, 4')
  const before = await rows()
  expect(before.length).toBeGreaterThanOrEqual(3)
  await closedAt(new Date(Date.now() - 6 * dayMs))
  await close()
  expect(await rows()).toEqual(before)
})

test('a late entry makes its day anew, and only that one', async () => {
  const entries = [10, 9, 8].flatMap((ago) => entriesFrom(new Date(Date.now() - ago * dayMs), 30))
  await store(entries)
  await close()
  expect(await database.value('SELECT count(*)::integer FROM stale_day')).toBe(0)
  // What nobody would write: it shows which days are made anew.
  await database.pool.query('UPDATE check_day SET failures = -1')
  const late = [checkEntry({ websiteId: websites[0] as string, timestamp: new Date(Date.now() - 9 * dayMs + 1) })]
  await store(late)
  const day = late[0]?.timestamp.toISOString().slice(0, 10)
  expect(await database.all(`SELECT to_char(day, 'YYYY-MM-DD') AS day FROM stale_day`)).toEqual([{ day }])
  await close()
  expect(await database.value('SELECT count(*)::integer FROM stale_day')).toBe(0)
  const anew = (await days()).filter(({ failures }) => failures !== -1)
  expect(anew).toEqual(rollupsOf([...entries, ...late], 'day').filter(({ start }) => start.startsWith(day as string)))
})

test('an entry that is delivered again does not make its day stale', async () => {
  const entries = entriesFrom(new Date(Date.now() - 5 * dayMs), 30)
  await store(entries)
  await close()
  await store(entries)
  expect(await database.value('SELECT count(*)::integer FROM stale_day')).toBe(0)
})

test('after a crash between two days both are made, and none twice', async () => {
  const entries = [10, 9, 8].flatMap((ago) => entriesFrom(new Date(Date.now() - ago * dayMs), 30))
  await store(entries)
  // It stands still in the middle of the second day, and is killed there.
  const second = entries[30]?.timestamp.toISOString().slice(0, 10)
  const inTheWay = await database.begin(
    `INSERT INTO check_day SELECT website_id, (hour AT TIME ZONE 'UTC')::date, 0, 0, 0, 0, 0, 0, 0, '{}' FROM check_hour
      WHERE (hour AT TIME ZONE 'UTC')::date = '${second}' LIMIT 1`,
  )
  const service = database.another()
  const closing = expect(close(service)).rejects.toThrow('terminating connection')
  const waiting = `FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`
  await until(() => database.value<boolean>(`SELECT count(*) > 0 ${waiting}`))
  await database.asAdmin(`SELECT pg_terminate_backend(pid) ${waiting}`)
  await closing
  await inTheWay.query('ROLLBACK')
  expect((await days()).length).toBeGreaterThanOrEqual(3)
  expect(await days()).not.toEqual(rollupsOf(entries, 'day'))
  await close()
  expect(await days()).toEqual(rollupsOf(entries, 'day'))
})

test('a day whose hours the retention has dropped never becomes a smaller one', async () => {
  const old = entriesFrom(new Date(Date.now() - 200 * dayMs), 300)
  await store(old)
  await close()
  const before = await days()
  expect(before).toEqual(rollupsOf(old, 'day'))
  const retention = { entryDays: 0, hourDays: 90, dayDays: 0 }
  await applyRetention(database.pool, retention, { logger, signal })
  expect(await hours()).toEqual([])
  // One comes late, of an hour that is gone, to a consumer that knows the retention and to one that does not yet.
  const late = () => checkEntry({ websiteId: websites[0] as string, timestamp: new Date(Date.now() - 199.9 * dayMs) })
  await store([late()], database.pool, 90)
  expect(await hours()).toEqual([])
  await store([late()], database.pool, 0)
  expect(await hours()).toHaveLength(1)
  await database.pool.query(`INSERT INTO stale_day SELECT DISTINCT day FROM check_day`)
  await closedAt(new Date(Date.now() - 201 * dayMs))
  await close(database.pool, { hourDays: 90 })
  expect(await days()).toEqual(before)
  expect(await database.value('SELECT count(*)::integer FROM stale_day')).toBe(0)
  expect(await database.value('SELECT count(*)::integer FROM check_entry')).toBe(302)
})

test('an hour is not over for those who read the clock before its end and have not committed yet', async () => {
  const storing = await database.begin('')
  await storing.query(
    `INSERT INTO check_hour VALUES ($1, date_bin('1 hour', now(), '2000-01-01Z') - interval '2 hours',
                                    1, 0, 30, 1, 5, 5, 5, '{1,0,0,0,0,0,0,0,0,0,0}')`,
    [websites[0]],
  )
  await closedAt(new Date(Date.now() - 3 * hourMs))
  await close(database.pool, { patienceMs: 200 })
  expect(logger.debug.mock.lastCall).toEqual(['check_day waits for a transaction that has been open for long'])
  expect((await closed()).getTime()).toBeLessThan(Date.now() - 2.5 * hourMs)
  // It waits for that one alone, not for those who come later.
  const closing = close()
  const asked = `SELECT count(*)::integer FROM pg_stat_activity WHERE datname = current_database()
                    AND query LIKE '%virtualtransaction = ANY%' AND pid <> pg_backend_pid()`
  await until(async () => (await database.value<number>(asked)) > 0)
  const later = await database.begin('LOCK TABLE check_hour IN ROW EXCLUSIVE MODE')
  await storing.query('COMMIT')
  await closing
  await later.query('ROLLBACK')
  expect(await days()).toMatchObject([{ website: websites[0], checks: 1, sum: 5 }])
})

test('consumers that close at the same time, and store meanwhile, lose nothing', async () => {
  const pools = [database.another(), database.another(), database.another()]
  const entries = Array.from({ length: 30 }, (_, n) => entriesFrom(new Date(Date.now() - (3 + n) * 5 * hourMs), 200))
  let next = 0
  await Promise.all(
    pools.flatMap((pool) => [
      (async () => {
        for (let n = next++; n < entries.length; n = next++) await store(entries[n] as CheckEntry[], pool)
      })(),
      (async () => {
        while (next < entries.length) await close(pool)
      })(),
    ]),
  )
  await close()
  expect(await hours()).toEqual(rollupsOf(entries.flat(), 'hour'))
  expect(await days()).toEqual(rollupsOf(await ended(entries.flat()), 'day'))
})

test('days are those of UTC, whatever zone and style the database has', async () => {
  await database.asAdmin(`ALTER DATABASE ${database.address.database} SET TimeZone = 'Asia/Kolkata'`)
  await database.asAdmin(`ALTER DATABASE ${database.address.database} SET DateStyle = 'SQL, DMY'`)
  const pool = database.another()
  const start = new Date(Date.now() - 60 * hourMs)
  await closedAt(start)
  const entries = entriesFrom(start, 58 * 60)
  await store(entries, pool)
  await close(pool)
  expect(await hours()).toEqual(rollupsOf(entries, 'hour'))
  expect(await days()).toEqual(rollupsOf(await ended(entries), 'day'))
})
