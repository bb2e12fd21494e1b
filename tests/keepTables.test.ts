import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { storeChunk } from '../src/database/chunk.ts'
import { migrate } from '../src/database/migrations.ts'
import { ensurePartitionFor } from '../src/database/partitions.ts'
import { bytesPerRow, describeVolume, readVolume } from '../src/database/volume.ts'
import { checkEntry, decodedEntry, incidents } from './helpers/entries.ts'
import { readRollups, rollupsOf } from './helpers/rollupReference.ts'
import { Service, stopServices, until } from './helpers/services.ts'
import { createStack, type Stack } from './helpers/stack.ts'

const quiet = { info: () => undefined, warn: () => undefined, debug: () => undefined }
const dayMs = 86_400_000
const all = { entryDays: 0, hourDays: 0, dayDays: 0 }

let stack: Stack
beforeAll(async () => {
  stack = await createStack()
  await migrate(stack.pool, { logger: quiet })
  await stack.pool.query('DELETE FROM website')
  await stack.pool.query(
    `INSERT INTO website (name, url, interval, enabled)
     SELECT 'website ' || n, 'http://127.0.0.1/', CASE WHEN n <= 100 THEN 60 END, n <= 300 FROM generate_series(1, 400) AS n`,
  )
})
afterEach(stopServices)
afterAll(() => stack.stop())

describe('the volume', () => {
  test('counts enabled websites, each with its own interval or the configured one', async () => {
    const { websites, entriesPerDay, gbPerDay } = await readVolume(stack.pool, 30, all)
    expect(websites).toBe(300)
    expect(entriesPerDay).toBe(100 * 1440 + 200 * 2880)
    const { entry, hour, day } = bytesPerRow
    expect(gbPerDay).toBeCloseTo((entriesPerDay * entry + 300 * (24 * hour + day)) / 1e9, 9)
  })

  test('at full retention holds as many days as each table keeps, a year of rollups that are all kept', async () => {
    const { entriesPerDay } = await readVolume(stack.pool, 30, all)
    const { gbInAll } = await readVolume(stack.pool, 30, { entryDays: 90, hourDays: 10, dayDays: 0 })
    const { entry, hour, day } = bytesPerRow
    expect(gbInAll).toBeCloseTo((entriesPerDay * 90 * entry + 300 * (24 * 10 * hour + 365 * day)) / 1e9, 9)
    expect((await readVolume(stack.pool, 30, all)).gbInAll).toBe(null)
  })

  test('counts no more hours than there are entries', async () => {
    const [hourly, daily] = [await readVolume(stack.pool, 3_600, all), await readVolume(stack.pool, 86_400, all)]
    const { entry, hour } = bytesPerRow
    expect(hourly.gbPerDay - daily.gbPerDay).toBeCloseTo((200 * 23 * (entry + hour)) / 1e9, 9)
  })

  test('is one line for people', () => {
    const volume = { websites: 300, entriesPerDay: 720_000, gbPerDay: 0.1449, gbInAll: 13.04 }
    expect(describeVolume(volume, { entryDays: 90 })).toBe(
      '300 websites make 720000 entries a day, 0.14 GB; 13 GB with the 90 days of database.retention',
    )
    expect(describeVolume({ ...volume, gbInAll: null }, { entryDays: 0 })).toBe(
      '300 websites make 720000 entries a day, 0.14 GB; all are kept: 53 GB a year',
    )
    const none = { websites: 0, entriesPerDay: 0, gbPerDay: 0, gbInAll: 0 }
    expect(describeVolume(none, { entryDays: 1 })).toContain('0 websites make 0 entries a day, less than 1 MB;')
  })
})

test('a consumer tells the volume at its start, fills check_day and drops what is older than the retention', async () => {
  const entries = [1, 2, 3].map((ago) => checkEntry({ timestamp: new Date(Date.now() - ago * dayMs) }))
  const signal = new AbortController().signal
  const storing = { signal, logger: quiet, intervalSeconds: 30, hourDays: 0, incidents }
  await storeChunk(stack.pool, entries.map(decodedEntry), storing)
  await ensurePartitionFor(stack.pool, new Date(Date.now() - 100 * dayMs), { logger: quiet })
  const old = new Date(Date.now() - 100 * dayMs).toISOString().slice(0, 10).replaceAll('-', '')
  const consumer = new Service('consumer', { ...stack.env, WEBMON_DATABASE_RETENTION_ENTRIES: '90' })
  const line = await consumer.logged(/^300 websites make \d+ entries a day, .+ with the 90 days of database.retention$/)
  expect(line).toMatchObject({ level: 'info', websites: 300 })
  await consumer.logged(new RegExp(`^check_entry_${old} dropped, older than the retention$`))
  const expected = rollupsOf(entries, 'day')
  await until(async () => (await readRollups(stack.pool, 'day')).length === expected.length)
  expect(await readRollups(stack.pool, 'day')).toEqual(expected)
})

test('a consumer warns of the day on which the rows of the original go', async () => {
  // What the upgrade makes of the original's table.
  await stack.pool.query(
    `CREATE TABLE check_entry_original PARTITION OF check_entry FOR VALUES FROM (MINVALUE) TO ('2020-01-01 00:00:00+00')`,
  )
  const consumer = new Service('consumer', { ...stack.env, WEBMON_DATABASE_RETENTION_ENTRIES: '30000' })
  const warning = await consumer.logged(/^the rows of the original/)
  expect(warning).toMatchObject({
    level: 'warn',
    msg: 'the rows of the original (check_entry_original) go on 2102-02-20, all at once: database.retention.entries is 30000',
  })
})
