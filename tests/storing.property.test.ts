import fc from 'fast-check'
import type pg from 'pg'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import type { CheckEntry } from '../src/checkEntry.ts'
import { storeChunk } from '../src/database/chunk.ts'
import { closeDays } from '../src/database/closeDays.ts'
import { migrate } from '../src/database/migrations.ts'
import { ensurePartitionFor } from '../src/database/partitions.ts'
import { checkEntry, decodedEntry, incidents } from './helpers/entries.ts'
import { type Reported, readRollups, reportedBy, rollupsOf } from './helpers/rollupReference.ts'
import { TestDatabase } from './helpers/testDatabase.ts'

const logger = { info: vi.fn(), warn: vi.fn(), debug: vi.fn() }
const signal = new AbortController().signal
const storing = { signal, logger, intervalSeconds: 60, hourDays: 0, incidents }
const ids = [1, 2, 3, 4, 5].map((n) => `00000000-0000-4000-8000-00000000000${n}`)
const startMs = Math.floor(Date.now() / 86_400_000) * 86_400_000 - 4 * 86_400_000

let database: TestDatabase
beforeAll(async () => {
  database = await TestDatabase.create()
  await migrate(database.pool, { logger })
  await ensurePartitionFor(
    database.pool,
    [0, 1, 2, 3].map((day) => new Date(startMs + day * 86_400_000)),
    { logger },
  )
})
afterAll(() => database.stop())

/**
 * A website shows a certificate at every check or at none: the table does not keep which entry had one, so for a late
 * one among those without it nobody could tell.
 */
const certificates = ['2027-01-01', '2027-04-01', '2027-07-01'].map((day) => ({
  begins: new Date('2026-01-01'),
  expires: new Date(day),
  issuer: `Authority of ${day}`,
}))

const entry = fc
  .record({
    id: fc.uuid({ version: 7 }),
    website: fc.nat(ids.length - 1),
    // Few different times, so that some are the same.
    slot: fc.nat(60),
    responseTimeMs: fc.oneof(fc.integer({ min: 0, max: 30 }), fc.integer({ min: 0, max: 15_000 })),
    httpStatus: fc.constantFrom(0, 200, 200, 404, 503),
    recheck: fc.constantFrom(false, false, true),
    intervalSeconds: fc.constantFrom(30, 30, 300, null),
    certificate: fc.nat(certificates.length - 1),
  })
  .map(({ website, slot, certificate, ...fields }): CheckEntry => {
    return checkEntry({
      ...fields,
      websiteId: ids[website] as string,
      timestamp: new Date(startMs + slot * 5_400_000),
      available: fields.httpStatus === 200,
      error: fields.httpStatus === 0 ? 'timeout' : null,
      certificate: website % 2 === 0 ? (certificates[certificate] ?? null) : null,
    })
  })

/** The entries of each caller, in the chunks in which it stores them; some are delivered twice, to anybody. */
const deliveries = fc.uniqueArray(entry, { minLength: 1, maxLength: 150, selector: ({ id }) => id }).chain((entries) =>
  fc.record({
    entries: fc.constant(entries),
    callers: fc.array(
      fc.array(fc.array(fc.nat(entries.length - 1), { minLength: 1, maxLength: 40 }), { maxLength: 6 }),
      { minLength: 2, maxLength: 4 },
    ),
    // The connection of every so manieth attempt is cut.
    cutEvery: fc.integer({ min: 2, max: 12 }),
  }),
)

test('however entries are delivered, rollups, status and certificate are those of the sorted distinct ones', async () => {
  const pools = Array.from({ length: 4 }, () => database.another())
  await fc.assert(
    fc.asyncProperty(deliveries, async ({ entries, callers, cutEvery }) => {
      await database.pool.query('TRUNCATE check_entry, check_hour, check_day, stale_day; DELETE FROM website')
      // The last one is no longer in the list.
      await database.pool.query(
        `INSERT INTO website (website_id, name, url) SELECT id, 'one', 'http://one.example/' FROM unnest($1::uuid[]) AS id`,
        [ids.slice(0, -1)],
      )
      let attempts = 0
      await Promise.all(
        callers.map(async (chunks, caller) => {
          const pool = pools[caller] as pg.Pool
          for (const chunk of chunks) {
            const decoded = chunk.map((n) => decodedEntry(entries[n] as CheckEntry))
            // Nobody knows whether it was stored: it is delivered again.
            if (++attempts % cutEvery === 0) await storeAndGiveUp(pool, decoded)
            await storeChunk(pool, decoded, storing)
          }
        }),
      )
      const delivered = [...new Set(callers.flat(2))].map((n) => entries[n] as CheckEntry)
      expect(await database.value('SELECT count(*)::integer FROM check_entry')).toBe(delivered.length)
      expect(await readRollups(database.pool, 'hour')).toEqual(rollupsOf(delivered, 'hour', storing.intervalSeconds))
      await closeDays(database.pool, { logger, signal })
      expect(await readRollups(database.pool, 'day')).toEqual(rollupsOf(delivered, 'day', storing.intervalSeconds))
      expect(await reported()).toEqual(
        Object.fromEntries(
          ids.slice(0, -1).map((id) => [id, reportedBy(delivered.filter(({ websiteId }) => websiteId === id))]),
        ),
      )
    }),
    { numRuns: 60, endOnFailure: true },
  )
}, 180_000)

/** The connection is cut somewhere on the way. */
async function storeAndGiveUp(pool: pg.Pool, decoded: ReturnType<typeof decodedEntry>[]): Promise<void> {
  const stop = new AbortController()
  const attempt = storeChunk(pool, decoded, { ...storing, signal: stop.signal }).catch(() => undefined)
  await new Promise((resolve) => setTimeout(resolve, decoded.length % 7))
  stop.abort()
  await attempt
}

async function reported(): Promise<Record<string, Reported>> {
  const rows = await database.all<Reported & { id: string }>(
    `SELECT website_id AS id, status, certificate_expires AS expires, certificate_issuer AS issuer FROM website`,
  )
  return Object.fromEntries(rows.map(({ id, ...row }) => [id, row]))
}
