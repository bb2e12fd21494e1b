import { disagreements } from '../helpers/agreement.ts'
import { lags } from '../helpers/topic.ts'
import { describeLosses, type Incident } from './losses.ts'
import type { World } from './world.ts'

/** What is in the tables, beside what should be. The first group must be 0, or empty. */
export interface Verdict {
  /** Entries whose write to the spool returned, late ones and nonsense that was acknowledged: neither row nor dead letter. */
  readonly lost: number
  readonly losses: readonly string[]
  /** Ids in more than one row. */
  readonly twice: number
  /** Ids that are a row and a dead letter. */
  readonly both: number
  /** Partitions with messages that were never consumed. */
  readonly unconsumed: number
  /** Where rollups and statuses say something else than the rows. */
  readonly disagreements: readonly string[]

  readonly served: number
  readonly stored: number
  readonly late: number
  readonly deadLetters: number
  /** Checks that the website has served, and that have no entry: cut off together with the producer. */
  readonly cutOff: number
}

export async function verify(world: World, incidents: readonly Incident[]): Promise<Verdict> {
  // The producer logs a check when its entry's write to the spool has returned.
  const spooled = world.everStarted
    .filter(({ name }) => name === 'producer')
    .flatMap(({ log }) => log.filter(({ msg }) => msg.startsWith('checked ')).map(({ id }) => id as string))
  const { rows } = await world.pool.query<{ id: string }>('SELECT check_entry_id AS id FROM check_entry')
  const stored = new Set(rows.map(({ id }) => id))
  const dead = await world.pool.query<{ value: Buffer | null }>('SELECT value FROM dead_letter')
  const deadValues = dead.rows.map(({ value }) => String(value))
  const deadIds = new Set(deadValues.map((value) => /"id":"([^"]+)"/.exec(value)?.[1] ?? value))
  const expected = new Set([...spooled, ...world.late, ...world.nonsense])
  const served = world.served()
  const ours = rows.filter(({ id }) => !world.late.has(id)).length
  const lost = new Set([...expected].filter((id) => !stored.has(id) && !deadIds.has(id)))
  return {
    lost: lost.size,
    losses: lost.size === 0 ? [] : await describeLosses(world, lost, incidents),
    twice: rows.length - stored.size,
    both: [...stored].filter((id) => deadIds.has(id)).length,
    unconsumed: Object.values(await lags(world.topic)).filter((messages) => messages !== 0).length,
    disagreements: await disagreements(world.pool),
    served,
    stored: ours,
    late: world.late.size,
    deadLetters: deadIds.size,
    cutOff: served - ours,
  }
}
