import fc from 'fast-check'
import type pg from 'pg'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import type { CheckEntry } from '../src/checkEntry.ts'
import { storeChunk } from '../src/database/chunk.ts'
import type { IncidentEvent } from '../src/database/incidents.ts'
import { migrate } from '../src/database/migrations.ts'
import { ensurePartitionFor } from '../src/database/partitions.ts'
import { checkEntry, decodedEntry } from './helpers/entries.ts'
import { incidentsOf, inOrder } from './helpers/incidentReference.ts'
import { TestDatabase } from './helpers/testDatabase.ts'

const logger = { info: vi.fn(), warn: vi.fn(), debug: vi.fn() }
const signal = new AbortController().signal
const ids = [1, 2, 3].map((n) => `00000000-0000-4000-8000-00000000000${n}`)
const startMs = Math.floor(Date.now() / 86_400_000) * 86_400_000 - 86_400_000

let database: TestDatabase
beforeAll(async () => {
  database = await TestDatabase.create()
  await migrate(database.pool, { logger })
  await ensurePartitionFor(database.pool, [new Date(startMs), new Date(startMs + 86_400_000)], { logger })
})
afterAll(() => database.stop())

const entry = fc
  .record({
    id: fc.uuid({ version: 7 }),
    website: fc.nat(ids.length - 1),
    // Few different times, so that some are the same.
    slot: fc.nat(80),
    available: fc.boolean(),
    suspect: fc.constantFrom(false, false, false, false, true),
  })
  .map(({ website, slot, available, suspect, id }): CheckEntry => {
    return checkEntry({
      id,
      websiteId: ids[website] as string,
      timestamp: new Date(startMs + slot * 1_800_000),
      available,
      httpStatus: available ? 200 : 503,
      suspectSince: suspect && !available ? new Date(startMs) : null,
    })
  })

const rules = fc.record({ failures: fc.integer({ min: 1, max: 4 }), recoveries: fc.integer({ min: 1, max: 3 }) })
const entries = fc.uniqueArray(entry, { minLength: 1, maxLength: 120, selector: ({ id }) => id })
/** Most are delivered in their order, some late, some twice, in chunks of any size. */
const chunks = entries.chain((all) =>
  fc.record({
    all: fc.constant(all.toSorted(inOrder)),
    delays: fc.array(fc.constantFrom(0, 0, 0, 0, 3, 20, 100), { minLength: all.length, maxLength: all.length }),
    again: fc.array(fc.nat(all.length - 1), { maxLength: 10 }),
    sizes: fc.array(fc.integer({ min: 1, max: 15 }), { minLength: 1, maxLength: 10 }),
  }),
)

interface Delivery {
  readonly all: CheckEntry[]
  readonly delays: number[]
  readonly again: number[]
  readonly sizes: number[]
}

function inChunks({ all, delays, again, sizes }: Delivery): CheckEntry[][] {
  const delivered = [
    ...all.map((one, n) => ({ one, place: n + (delays[n] as number) })),
    ...again.map((n, k) => ({ one: all[n] as CheckEntry, place: n + k * 9 })),
  ].sort((a, b) => a.place - b.place)
  const cut: CheckEntry[][] = []
  for (let at = 0, n = 0; at < delivered.length; n++) {
    const size = sizes[n % sizes.length] as number
    cut.push(delivered.slice(at, at + size).map(({ one }) => one))
    at += size
  }
  return cut
}

async function empty(): Promise<void> {
  await database.pool.query('TRUNCATE check_entry, check_hour, stale_day, incident; DELETE FROM website')
  await database.pool.query(
    `INSERT INTO website (website_id, name, url) SELECT id, 'one', 'http://one.example/' FROM unnest($1::uuid[]) AS id`,
    [ids],
  )
}

interface Row {
  readonly incident_id: string
  readonly website_id: string
  readonly started: Date
  readonly ended: Date | null
  readonly check_entry_id: string
  readonly announced: boolean
  readonly retracted: boolean
}

async function stored(): Promise<Row[]> {
  const { rows } = await database.pool.query<Row>('SELECT * FROM incident ORDER BY website_id, started, check_entry_id')
  return rows
}

const shown = (rows: Row[]) =>
  rows.filter(({ retracted }) => !retracted).map((row) => [row.website_id, row.check_entry_id, row.started, row.ended])

const expected = (known: CheckEntry[], rule: { failures: number; recoveries: number }) =>
  ids.flatMap((id) =>
    incidentsOf(
      known.filter(({ websiteId }) => websiteId === id),
      rule,
    ).map(({ first, end }) => [id, first.id, first.timestamp, end?.timestamp ?? null]),
  )

test('incidents are those of all entries, and each that the newest entries tell of is told once', async () => {
  await fc.assert(
    fc.asyncProperty(chunks, rules, async (delivery, incidents) => {
      await empty()
      const known = new Map<string, CheckEntry>()
      const events: IncidentEvent[] = []
      for (const chunk of inChunks(delivery)) {
        const newest = new Map(ids.map((id) => [id, newestOf([...known.values()], id)]))
        const options = { signal, logger, intervalSeconds: 60, hourDays: 0, incidents }
        events.push(...(await storeChunk(database.pool, chunk.map(decodedEntry), options)).incidentEvents)
        for (const one of chunk) known.set(one.id, one)
        const rows = await stored()
        expect(shown(rows)).toEqual(expected([...known.values()], incidents))
        for (const id of ids) {
          const before = newest.get(id)
          const ofWebsite = [...known.values()].filter(({ websiteId }) => websiteId === id)
          for (const { first, telling } of incidentsOf(ofWebsite, incidents)) {
            if (!telling.some((one) => before === undefined || inOrder(before, one) < 0)) continue
            const row = rows.find(({ check_entry_id, retracted }) => check_entry_id === first.id && !retracted)
            expect(row?.announced).toBe(true)
          }
        }
        expectTold(events, rows)
      }
    }),
    { numRuns: 150, endOnFailure: true },
  )
}, 300_000)

test('whoever stores them side by side, incidents are those of all entries', async () => {
  const pools = Array.from({ length: 3 }, () => database.another())
  const incidents = { failures: 2, recoveries: 1 }
  await fc.assert(
    fc.asyncProperty(chunks, async (delivery) => {
      await empty()
      const cut = inChunks(delivery)
      const options = { signal, logger, intervalSeconds: 60, hourDays: 0, incidents }
      await Promise.all(
        pools.map(async (pool: pg.Pool, n) => {
          for (const chunk of cut.filter((_, at) => at % pools.length === n)) {
            await storeChunk(pool, chunk.map(decodedEntry), options)
          }
        }),
      )
      expect(shown(await stored())).toEqual(expected(delivery.all, incidents))
    }),
    { numRuns: 60, endOnFailure: true },
  )
}, 300_000)

test('a late entry changes what a thousand later ones mean', async () => {
  await empty()
  const incidents = { failures: 2, recoveries: 2 }
  const at = (ms: number, available: boolean) =>
    checkEntry({ websiteId: ids[0] as string, timestamp: new Date(startMs + ms), available })
  // Neither two failing ones in a row nor, before the end, two good ones.
  const all = Array.from({ length: 1_001 }, (_, n) => at(n * 1_000, n % 2 === 1 || n === 1_000))
  const late = at(500, false)
  const store = (chunk: CheckEntry[]) =>
    storeChunk(database.pool, chunk.map(decodedEntry), { signal, logger, intervalSeconds: 60, hourDays: 0, incidents })
  await store(all)
  expect(await stored()).toEqual([])
  await store([late])
  expect(shown(await stored())).toEqual(expected([...all, late], incidents))
  expect(await stored()).toMatchObject([{ announced: false }])
})

function newestOf(entries: CheckEntry[], id: string): CheckEntry | undefined {
  return entries
    .filter(({ websiteId, suspectSince }) => websiteId === id && !suspectSince)
    .sort(inOrder)
    .at(-1)
}

/** Each that is announced was told once, and its end once, too. */
function expectTold(events: IncidentEvent[], rows: Row[]): void {
  const told = events.map(({ kind, incidentId }) => `${kind} ${incidentId}`)
  expect(new Set(told).size).toBe(told.length)
  const announced = rows.filter((row) => row.announced)
  const ended = announced.filter((row) => row.ended !== null)
  const names = (kind: string, of: Row[]) => of.map(({ incident_id }) => `${kind} ${incident_id}`)
  expect(told.toSorted()).toEqual([...names('opened', announced), ...names('resolved', ended)].sort())
}
