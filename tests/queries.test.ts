import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import type { CheckEntry } from '../src/checkEntry.ts'
import { storeChunk } from '../src/database/chunk.ts'
import { closeDays } from '../src/database/closeDays.ts'
import { migrate } from '../src/database/migrations.ts'
import { documentedQueries } from './helpers/documentedQueries.ts'
import { checkEntry, decodedEntry, incidents } from './helpers/entries.ts'
import { until } from './helpers/services.ts'
import { TestDatabase } from './helpers/testDatabase.ts'

const logger = { info: vi.fn(), warn: vi.fn(), debug: vi.fn() }
const signal = new AbortController().signal
const minuteMs = 60_000
const queries = documentedQueries()
const seen: string[] = []

let database: TestDatabase
let ids: Record<string, string>
let middleOfLastHour: number

beforeAll(async () => {
  // The last full hour must not become another one meanwhile.
  await until(() => 60 * minuteMs - (Date.now() % (60 * minuteMs)) > 20_000)
  middleOfLastHour = Math.floor(Date.now() / (60 * minuteMs)) * 60 * minuteMs - 30 * minuteMs
  database = await TestDatabase.create()
  await migrate(database.pool, { logger })
  const websites = await database.all<{ name: string; id: string }>('SELECT name, website_id AS id FROM website')
  ids = Object.fromEntries(websites.map(({ name, id }) => [name, id]))
  // Two of the websites, every 30 minutes of 20 days; every tenth check of Example fails, without a response.
  const entries = Array.from({ length: 48 * 20 }, (_, n) => n).flatMap((n) => {
    const timestamp = new Date(middleOfLastHour - n * 30 * minuteMs)
    const failed = n % 10 === 9
    const example = { httpStatus: failed ? 0 : 200, error: failed ? 'timeout' : null, available: !failed }
    return [
      checkEntry({ websiteId: ids.Example as string, timestamp, intervalSeconds: 1800, ...example }),
      checkEntry({ websiteId: ids.Debian as string, timestamp, intervalSeconds: 900, responseTimeMs: 70 }),
    ]
  })
  // And a hundred more of Debian's in the last full hour, of 11 to 110 ms.
  const more = Array.from({ length: 100 }, (_, n) =>
    checkEntry({
      websiteId: ids.Debian as string,
      timestamp: new Date(middleOfLastHour + n),
      intervalSeconds: 1,
      responseTimeMs: 11 + n,
    }),
  )
  await store([...entries, ...more])
  await closeDays(database.pool, { logger, signal })
})
afterAll(() => database.stop())

const store = (entries: readonly CheckEntry[]) =>
  storeChunk(database.pool, entries.map(decodedEntry), { signal, logger, intervalSeconds: 30, hourDays: 0, incidents })

/** Runs it as it is documented. */
async function run(title: string): Promise<Record<string, unknown>[]> {
  const query = queries.find((one) => one.title === title)
  seen.push(title)
  return await database.all(query?.sql ?? `there is no query "${title}"`)
}

test('the last 100 checks of a website', async () => {
  const rows = await run('The last 100 checks of a website')
  expect(rows).toHaveLength(100)
  const times = rows.map(({ timestamp }) => (timestamp as Date).getTime())
  expect(times).toEqual(Array.from({ length: 100 }, (_, n) => middleOfLastHour - n * 30 * minuteMs))
  expect(rows.filter(({ available }) => !available)).toHaveLength(10)
  expect(rows[9]).toMatchObject({ http_status: 0, error: 'timeout' })
})

test('uptime of a website over 30 days, with how much of them is covered', async () => {
  const [row] = await run('Uptime of a website over 30 days')
  // 20 days of 30, today's hours left out.
  const { uptime, coverage, checks, response_time } = row as Record<string, string>
  expect(Number(uptime)).toBeCloseTo(0.9, 2)
  expect(Number(checks)).toBeGreaterThan(48 * 18)
  expect(Number(coverage)).toBeCloseTo((Number(checks) * 1800) / (30 * 86_400), 4)
  expect(Number(coverage)).toBeLessThan(0.67)
  expect(response_time).toBe('12.0')
})

test('the newest entry of each website, also of those that have none', async () => {
  const rows = await run('The newest entry of each website')
  expect(rows).toHaveLength(6)
  expect(rows.filter(({ timestamp }) => timestamp === null)).toHaveLength(4)
  const of = (name: string) => rows.find((row) => row.name === name)
  expect(of('Example')).toMatchObject({ timestamp: new Date(middleOfLastHour), available: true, response_time: 12 })
  expect(of('Debian')).toMatchObject({ timestamp: new Date(middleOfLastHour + 99), response_time: 110 })
})

test('p95 of each website over an hour, by classes and to the millisecond', async () => {
  const title = 'p95 of each website over an hour'
  // The 97th of Debian's 102 times is 105 ms: of the class up to 200 ms, in which none takes more than 110.
  const classes = await run(title)
  const exact = await run(`${title} (2)`)
  expect(classes.map(({ name, p95 }) => ({ name, p95 }))).toEqual([
    { name: 'Debian', p95: 110 },
    { name: 'Example', p95: 12 },
  ])
  expect(exact.map(({ name, p95 }) => ({ name, p95 }))).toEqual([
    { name: 'Debian', p95: 105 },
    { name: 'Example', p95: 12 },
  ])
  expect(exact.map(({ responses }) => Number(responses))).toEqual(classes.map(({ responses }) => responses))
})

test('90 days of all websites by day, with the coverage of each', async () => {
  const rows = await run('90 days of all websites by day')
  expect(rows.length).toBeGreaterThanOrEqual(40)
  const full = rows.filter(({ coverage }) => coverage === 1)
  expect(new Set(full.map(({ website_id }) => website_id))).toEqual(new Set([ids.Example]))
  const half = rows.filter(({ website_id, coverage }) => website_id === ids.Debian && coverage === 0.5)
  expect(half.length).toBeGreaterThanOrEqual(18)
  for (const row of full) expect(row.uptime).toBeGreaterThan(0.88)
  // The two of them together: one is covered in full, the other to a half.
  const together = await run('90 days of all websites by day (2)')
  const whole = together.filter(({ websites, coverage }) => Number(websites) === 2 && coverage === 0.75)
  expect(whole.length).toBeGreaterThanOrEqual(18)
  for (const { uptime } of whole) expect(uptime).toBeCloseTo(0.95, 1)
})

test('no documented query is left out here', () => {
  expect(seen.sort()).toEqual(queries.map(({ title }) => title).sort())
})
