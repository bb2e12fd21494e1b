import { isNewer } from '../../checkEntry.ts'
import { type Incident, IncidentFold, type IncidentRules, type Outcome } from '../../incident.ts'
import type { StoredIncident, StoredOutcome } from './history.ts'

/** What an incident keeps of its first failing entry. */
interface FirstEntry {
  readonly id: string
  readonly cause: string
  readonly detail: string | null
}

/** What becomes of an incident, as it is to be stored. */
export interface IncidentChange {
  /** Null: a new one. */
  readonly incidentId: string | null
  readonly startedMs: number
  readonly endedMs: number | null
  readonly first: FirstEntry
  readonly announced: boolean
  /** It was announced, and was none. */
  readonly retracted: boolean
  /** What somebody may want to hear of, in this order. */
  readonly tell: readonly ('opened' | 'resolved')[]
}

/** One that was never announced, and was none. */
export interface IncidentRemoval {
  readonly incidentId: string
  readonly remove: true
}

/**
 * Goes through the entries of one website from the oldest that came, and finds what that changes. Others may have been
 * stored between and behind them before: then they tell another history, of which nobody is alerted.
 */
export class Decision {
  readonly #fold: IncidentFold
  /** Those that the entries can change. */
  readonly #known: StoredIncident[]
  readonly #firsts = new Map<string, FirstEntry>()
  /** The newest entry that was there before. */
  #decided: Outcome | undefined
  #last: Outcome | undefined
  #same = 0
  #available: boolean | undefined

  /**
   * @param known the website's incidents from the oldest entry that came on, and the one before, in their order
   * @param previous the last entries before that, in their order
   * @param oldestMs the time of the oldest entry that came
   * @param newestMs of the newest
   */
  constructor(
    private readonly rules: IncidentRules,
    known: readonly StoredIncident[],
    previous: readonly StoredOutcome[],
    oldestMs: number,
    private readonly newestMs: number,
  ) {
    for (const { firstId, cause, detail } of known) this.#firsts.set(firstId, { id: firstId, cause, detail })
    for (const outcome of previous) this.#seen(outcome)
    const newest = previous.at(-1)
    const [before] = known
    // After days without any there is none before, and the incident is still what it was.
    const last = before && before.startedMs <= (newest?.timeMs ?? oldestMs - 1) ? before : undefined
    const state = last ? stateOf(last, previous, rules) : 'none'
    const over = last && state === 'over' ? last.endedMs : null
    const streak = endOf(previous, state === 'open').filter(({ timeMs }) => over === null || timeMs >= over)
    this.#known = known.filter((incident) => incident !== last || state !== 'over')
    this.#fold = new IncidentFold(rules, { incident: last && state === 'open' ? asOpen(last) : null, streak })
  }

  /** What comes next is judged alike, whatever the entries that came have changed. */
  get settled(): boolean {
    return this.#same >= (this.#available ? this.rules.recoveries : this.rules.failures)
  }

  next(outcome: StoredOutcome): void {
    this.#seen(outcome)
    this.#fold.next(outcome)
    if (outcome.timeMs <= this.newestMs) return
    this.#same = outcome.available === this.#available ? this.#same + 1 : 1
    this.#available = outcome.available
  }

  changes(): (IncidentChange | IncidentRemoval)[] {
    const last = this.settled ? this.#last : undefined
    const known = this.#known.filter(
      ({ startedMs, firstId }) => !last || !isNewer(startedMs, firstId, last.timeMs, last.id),
    )
    // Behind what was gone through it goes on as it did.
    const knownEndMs = last ? (known.at(-1)?.endedMs ?? null) : null
    const found = this.#fold.incidents.map((incident) => ({
      incident,
      endedMs: incident.end?.timeMs ?? knownEndMs,
    }))
    const pairs = pair(known, found)
    const kept = found.flatMap((one, n) => this.#changeOf(one, pairs[n]) ?? [])
    const gone = known.filter((stored) => !pairs.includes(stored)).map(goneOf)
    return [...gone, ...kept]
  }

  #changeOf({ incident, endedMs }: Found, stored: StoredIncident | undefined): IncidentChange | undefined {
    const { last } = incident
    const decided = this.#decided
    const isDecided = decided !== undefined && !isNewer(last.timeMs, last.id, decided.timeMs, decided.id)
    const announced = stored?.announced || !isDecided
    const wasOver = stored !== undefined && stored.endedMs !== null
    const opened = announced && !stored?.announced
    const resolved = announced && endedMs !== null && !(stored?.announced && wasOver)
    const sameFirst = stored?.firstId === incident.first.id && stored.startedMs === incident.first.timeMs
    if (stored && sameFirst && stored.endedMs === endedMs && stored.announced === announced) return undefined
    return {
      incidentId: stored?.incidentId ?? null,
      startedMs: incident.first.timeMs,
      endedMs,
      first: this.#firsts.get(incident.first.id) as FirstEntry,
      announced,
      retracted: false,
      tell: [...(opened ? ['opened' as const] : []), ...(resolved ? ['resolved' as const] : [])],
    }
  }

  #seen(outcome: StoredOutcome): void {
    if (!outcome.available) this.#firsts.set(outcome.id, outcome)
    if (!outcome.isNew) this.#decided = outcome
    this.#last = outcome
  }
}

interface Found {
  readonly incident: Incident
  readonly endedMs: number | null
}

/** What an incident was at the end of those entries: not made yet, open, or over. */
function stateOf(
  { startedMs, firstId, endedMs, closed }: StoredIncident,
  entries: readonly StoredOutcome[],
  { failures, recoveries }: IncidentRules,
): 'none' | 'open' | 'over' {
  const since = entries.filter((entry) => entry.id === firstId || isNewer(entry.timeMs, entry.id, startedMs, firstId))
  const isAmongThem = since.length < entries.length || entries[0]?.id === firstId
  if (isAmongThem && since.length < failures) return 'none'
  if (closed) return 'over'
  const newest = entries.at(-1)
  if (endedMs === null || (newest && endedMs > newest.timeMs)) return 'open'
  const good = endOf(entries, true)
  return good[0]?.timeMs === endedMs && good.length < recoveries ? 'open' : 'over'
}

/** The last entries that are all good, or all failed. */
function endOf(entries: readonly StoredOutcome[], available: boolean): StoredOutcome[] {
  return entries.slice(entries.findLastIndex((entry) => entry.available !== available) + 1)
}

function asOpen({ startedMs, firstId }: StoredIncident): Incident {
  const first = { id: firstId, timeMs: startedMs, available: false }
  return { first, last: first, end: null }
}

/**
 * Which of the known ones each of those found is. The open one stays the open one, whoever was told of it; otherwise one
 * that began with the same entry, otherwise one of the same time. One whose end was told does not open again.
 */
function pair(known: readonly StoredIncident[], found: readonly Found[]): (StoredIncident | undefined)[] {
  const free = new Set(known)
  const pairs: (StoredIncident | undefined)[] = found.map(() => undefined)
  const isSame: ((one: Found, stored: StoredIncident) => boolean)[] = [
    ({ endedMs }, stored) => endedMs === null && stored.endedMs === null,
    ({ incident }, { firstId }) => incident.first.id === firstId,
    ({ incident, endedMs }, { startedMs, endedMs: storedEndMs }) =>
      (endedMs === null || startedMs < endedMs) && (storedEndMs === null || incident.first.timeMs < storedEndMs),
  ]
  for (const same of isSame) {
    for (const [n, one] of found.entries()) {
      if (pairs[n]) continue
      const stored = [...free].find(
        (stored) => same(one, stored) && !(one.endedMs === null && stored.endedMs !== null && stored.announced),
      )
      if (!stored) continue
      pairs[n] = stored
      free.delete(stored)
    }
  }
  return pairs
}

function goneOf(stored: StoredIncident): IncidentChange | IncidentRemoval {
  const { incidentId, announced, startedMs, endedMs, firstId, cause, detail } = stored
  if (!announced) return { incidentId, remove: true }
  return {
    incidentId,
    startedMs,
    endedMs: endedMs ?? startedMs,
    first: { id: firstId, cause, detail },
    announced,
    retracted: true,
    tell: endedMs === null ? ['resolved'] : [],
  }
}
