import type pg from 'pg'
import { phaseOf } from '../../src/schedule.ts'
import type { Service } from '../helpers/services.ts'
import { intervalMs } from './world.ts'

export interface Blow {
  readonly kind: 'kill' | 'freeze' | 'nap' | 'term' | 'start'
  readonly fromMs: number
  toMs: number
}

export interface Verdict {
  readonly entries: number
  readonly slots: number
  /** Slots with more than one entry. Nobody was cut off from the database, so there must be none. */
  readonly doubles: readonly string[]
  /** Slots without an entry, in the time in which a blow may cause them. */
  readonly gaps: number
  /** Slots without an entry elsewhere: the machine was too busy. */
  readonly gapsElsewhere: number
  /** Of these, how many nobody told of: the producers count what they miss. */
  readonly silentGaps: number
  /** From the latest kill or freezing to a slot that went unchecked, at most. */
  readonly longestGapSeconds: number
  /** Websites of which the rollups' coverage is not that of the entries that there are. */
  readonly coveredWrongly: number
}

/** How long after its end a blow may leave slots unchecked, in ms. A frozen producer is dead to the others. */
const shadowMs: Record<Blow['kind'], number> = { kill: 20_000, freeze: 20_000, nap: 4_000, term: 4_000, start: 0 }
const aroundMs = 1_000

interface Row {
  readonly id: string
  readonly websiteId: string
  readonly ms: number
}

/** Looks at each website and slot between two times, in the database. */
export async function verify(
  pool: pg.Pool,
  producers: readonly Service[],
  blows: readonly Blow[],
  { fromMs, toMs }: { fromMs: number; toMs: number },
): Promise<Verdict> {
  const dueOf = slotsTold(producers)
  const { rows } = await pool.query<Row>(
    `SELECT check_entry_id AS id, website_id AS "websiteId", (extract(epoch FROM "timestamp") * 1000)::float8 AS ms
       FROM check_entry WHERE NOT recheck`,
  )
  const websites = await pool.query<{ id: string }>('SELECT website_id AS id FROM website')
  const checked = new Map(websites.rows.map(({ id }) => [id, new Map<number, Row[]>()]))
  for (const row of rows) {
    const phase = phaseOf(row.websiteId, intervalMs)
    // A producer that was killed may have had no time to tell: then it is the slot in which the check began.
    const slot = Math.floor(((dueOf.get(row.id) ?? row.ms) - phase) / intervalMs)
    const slots = checked.get(row.websiteId) ?? new Map<number, Row[]>()
    checked.set(row.websiteId, slots.set(slot, [...(slots.get(slot) ?? []), row]))
  }
  const doubles: string[] = []
  const missing: number[] = []
  let count = 0
  for (const [websiteId, slots] of checked) {
    const phase = phaseOf(websiteId, intervalMs)
    for (const [slot, entries] of slots) {
      if (entries.length < 2) continue
      const who = entries.map(({ id, ms }) => `${id} at ${new Date(ms).toISOString()} of ${toldBy(producers, id)}`)
      doubles.push(`${websiteId} due ${new Date(slot * intervalMs + phase).toISOString()}: ${who.join(', ')}`)
    }
    const [first, last] = [fromMs, toMs - intervalMs].map((ms) => Math.ceil((ms - phase) / intervalMs)) as [
      number,
      number,
    ]
    for (let slot = first; slot < last; slot++) {
      count++
      if (!slots.has(slot)) missing.push(slot * intervalMs + phase)
    }
  }
  const shadow = ({ kind, fromMs, toMs }: Blow, ms: number) =>
    kind !== 'start' && ms > fromMs - aroundMs - intervalMs && ms < Math.max(toMs + aroundMs, fromMs + shadowMs[kind])
  const shadowed = missing.filter((ms) => blows.some((blow) => shadow(blow, ms)))
  const elsewhere = missing.length - shadowed.length
  const toldMissed = producers.flatMap(({ log }) => log.map(({ missed }) => Number(missed ?? 0)))
  const deaths = blows.filter(({ kind }) => kind === 'kill' || kind === 'freeze')
  const afterDeath = shadowed
    .map((ms) => Math.min(...deaths.map(({ fromMs }) => ms - fromMs).filter((after) => after > 0)))
    .filter(Number.isFinite)
  const { rows: covered } = await pool.query(
    `SELECT website_id FROM (SELECT website_id, sum(covered) AS covered FROM check_hour GROUP BY 1) AS hours
       JOIN (SELECT website_id, count(*) * $1 AS seconds FROM check_entry GROUP BY 1) AS entries USING (website_id)
      WHERE covered <> seconds`,
    [intervalMs / 1000],
  )
  return {
    entries: rows.length,
    slots: count,
    doubles,
    gaps: shadowed.length,
    silentGaps: Math.max(0, elsewhere - toldMissed.reduce((sum, missed) => sum + missed, 0)),
    gapsElsewhere: elsewhere,
    longestGapSeconds: afterDeath.reduce((longest, ms) => Math.max(longest, ms), 0) / 1000,
    coveredWrongly: covered.length,
  }
}

/** By the id of an entry, when it was due. */
function slotsTold(producers: readonly Service[]): Map<string, number> {
  return new Map(
    producers.flatMap(({ log }) =>
      log.filter(({ due }) => due !== undefined).map(({ id, due }) => [String(id), Number(due)] as const),
    ),
  )
}

function toldBy(producers: readonly Service[], id: string): string {
  const who = producers.find(({ log }) => log.some((line) => line.id === id))
  return who === undefined ? 'one that was killed' : `pid ${who.pid}`
}
