import fc from 'fast-check'
import { afterEach, describe, expect, it } from 'vitest'
import { connect } from '../local/databaseAddress.ts'
import { type CheckEntry, statusAfter } from '../src/checkEntry.ts'
import type { Decoded } from '../src/message.ts'
import { retry } from '../src/retry.ts'
import { disagreements } from './helpers/agreement.ts'
import { checkEntry } from './helpers/entries.ts'
import { createDatabase } from './helpers/stack.ts'
import { delivered, openStore, type Store, silent, untilBlocked } from './helpers/storing.ts'

const consumers = 4

let store: Store
afterEach(() => store.stop())

/** An entry of the last two days, of one of the websites; not all are in order, on time, or acceptable. */
const anyEntry = fc
  .record({
    website: fc.nat(6),
    secondsAgo: fc.oneof(fc.nat(20), fc.nat(2 * 86_400)),
    responseTimeMs: fc.oneof({ weight: 20, arbitrary: fc.nat(12_000) }, { weight: 1, arbitrary: fc.constant(666) }),
    httpStatus: fc.constantFrom(0, 200, 500),
    recheck: fc.oneof({ weight: 9, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) }),
    intervalSeconds: fc.oneof(
      { weight: 9, arbitrary: fc.constant(30) },
      { weight: 1, arbitrary: fc.constantFrom(null, 1, 60) },
    ),
  })
  .map(({ website, secondsAgo, ...fields }) =>
    checkEntry({
      ...fields,
      websiteId: store.websiteIds[website] as string,
      timestamp: new Date(Date.now() - secondsAgo * 1_000),
      available: fields.httpStatus === 200,
    }),
  )

/** Chunks of entries that come at least once: some again in the same chunk, some again in another one. */
const deliveries = fc
  .array(anyEntry, { minLength: 1, maxLength: 400 })
  .chain((entries) =>
    fc
      .shuffledSubarray([...entries, ...entries], { minLength: entries.length, maxLength: 2 * entries.length })
      .map((more) => chunksOf([...entries.filter((_, n) => n % 2 === 0), ...more, ...entries.filter((_, n) => n % 2)])),
  )

function chunksOf(entries: readonly CheckEntry[]): CheckEntry[][] {
  const length = Math.ceil(entries.length / (3 * consumers))
  return Array.from({ length: 3 * consumers }, (_, n) => entries.slice(n * length, (n + 1) * length))
}

/** What the tables are to hold, from the entries in the order of their time. */
function reference(entries: Iterable<CheckEntry>): {
  ids: string[]
  covered: number
  statuses: Record<string, string>
} {
  const distinct = [...new Map([...entries].map((entry) => [entry.id, entry])).values()]
  const stored = distinct
    .filter(({ responseTimeMs }) => responseTimeMs !== 666)
    .sort((a, b) => a.timestamp.getTime() - b.timestamp.getTime() || (a.id < b.id ? -1 : 1))
  const counted = stored.filter(({ recheck }) => !recheck)
  return {
    ids: stored.map(({ id }) => id).sort(),
    covered: counted.reduce((sum, { intervalSeconds }) => sum + (intervalSeconds ?? 30), 0),
    statuses: Object.fromEntries(stored.map((entry) => [entry.websiteId, statusAfter(entry)])),
  }
}

async function tables(): Promise<ReturnType<typeof reference>> {
  const ids = await store.pool.query('SELECT check_entry_id AS id FROM check_entry ORDER BY 1')
  const covered = await store.pool.query('SELECT coalesce(sum(covered), 0)::integer AS covered FROM check_hour')
  const statuses = await store.pool.query("SELECT website_id, status FROM website WHERE status <> 'unknown'")
  return {
    ids: ids.rows.map(({ id }) => id),
    covered: covered.rows[0].covered,
    statuses: Object.fromEntries(statuses.rows.map(({ website_id, status }) => [website_id, status])),
  }
}

describe('several consumers with the same websites', () => {
  it.each(['read committed', 'repeatable read'])(
    'store late, repeated and refused entries as one would that has them in order, with %s as the default',
    async (isolation) => {
      store = await openStore(await createDatabase(), {
        connections: consumers,
        settings: { default_transaction_isolation: isolation },
      })
      await store.pool.query('ALTER TABLE check_entry ADD CONSTRAINT quick CHECK (response_time <> 666)')
      const { signal } = new AbortController()
      await fc.assert(
        fc.asyncProperty(deliveries, async (chunks) => {
          await store.pool.query("TRUNCATE check_entry, check_hour, dead_letter; UPDATE website SET status = 'unknown'")
          const queue = chunks.map((chunk): Decoded[] => chunk.map(delivered))
          const consume = async () => {
            for (let chunk = queue.shift(); chunk; chunk = queue.shift()) {
              const attempt = () => store.store(chunk as Decoded[])
              await retry('storing', attempt, { signal, logger: silent, delayMs: 20 })
            }
          }
          await Promise.all(Array.from({ length: consumers }, consume))
          expect(await tables()).toEqual(reference(chunks.flat()))
          expect(await disagreements(store.pool)).toEqual([])
        }),
        { numRuns: 40 },
      )
    },
  )

  it('see what the others have stored while they waited for them, whatever the default isolation is', async () => {
    store = await openStore(await createDatabase(), { settings: { default_transaction_isolation: 'repeatable read' } })
    const websiteId = store.websiteIds[0] as string
    const at = (secondsAgo: number, available: boolean) =>
      delivered(checkEntry({ websiteId, available, timestamp: new Date(Date.now() - secondsAgo * 1_000) }))
    await store.store([at(7_300, true)])
    const other = await connect(store.address)
    try {
      await other.query(`BEGIN; SELECT FROM website WHERE website_id = '${websiteId}' FOR NO KEY UPDATE`)
      await other.query(
        `INSERT INTO check_entry (website_id, response_time, http_status, regex, available)
         VALUES ($1, 1, 200, '', true)`,
        [websiteId],
      )
      const storing = store.store([at(3_650, false)])
      await untilBlocked(store)
      await other.query('COMMIT')
      await storing
      const { rows } = await store.pool.query('SELECT status FROM website WHERE website_id = $1', [websiteId])
      expect(rows).toEqual([{ status: 'active' }])
    } finally {
      await other.end()
    }
  })
})
