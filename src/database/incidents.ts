import { randomUUID } from 'node:crypto'
import type { CheckEntry } from '../checkEntry.ts'
import type { IncidentRules } from '../incident.ts'
import type { Send, Statement } from './database.ts'
import { Decision, type IncidentChange, type IncidentRemoval } from './incidents/decision.ts'
import {
  type Asked,
  knownIncidents,
  nextEntries,
  type OfWebsite,
  previousEntries,
  type StoredIncident,
  type StoredOutcome,
  websitesToDecide,
} from './incidents/history.ts'
import type { NewestEntries } from './newestEntries.ts'

/** An incident that opened or was over, of which alerts are to be made. */
export interface IncidentEvent {
  readonly kind: 'opened' | 'resolved'
  readonly websiteId: string
  readonly incidentId: string
}

/** More than any chunk has of one website, in most cases. */
const page = 200
const smallestId = '00000000-0000-0000-0000-000000000000'

/** What the entries of a chunk mean for the incidents of their websites. */
export class IncidentWebsites {
  readonly #failed = new Set<string>()
  readonly #ids: Set<string> | null
  readonly #suspectSince = new Set<number>()

  /**
   * @param entries the same, by website
   * @param rememberIds when parts of the transaction can be taken back: then rows do not tell by whom they came
   */
  constructor(
    private readonly entries: NewestEntries,
    rememberIds = false,
  ) {
    this.#ids = rememberIds ? new Set() : null
  }

  add({ id, websiteId, available, suspectSince }: CheckEntry): void {
    this.#ids?.add(id)
    if (suspectSince) this.#suspectSince.add(suspectSince.getTime())
    else if (!available) this.#failed.add(websiteId)
  }

  /** Since when the monitor's network was in doubt, in ms of the Unix epoch, as suspect entries tell. */
  get suspectSince(): ReadonlySet<number> {
    return this.#suspectSince
  }

  /** To be run when the websites are locked. Its rows are what `decide` is to be given. */
  toDecide(): Statement {
    return websitesToDecide(this.entries.websiteIds(), this.entries.oldestOfAllMs(), this.#failed)
  }

  /**
   * To be run when the entries are stored: opens, closes and corrects incidents.
   *
   * @returns what happened that somebody may want to hear of
   */
  async decide(send: Send, websites: readonly OfWebsite[], rules: IncidentRules): Promise<IncidentEvent[]> {
    const asked: Asked = new Map(
      websites.map(({ websiteId }) => {
        const number = this.entries.numberOf(websiteId)
        return [websiteId, { oldestMs: this.entries.oldestMs(number), newestMs: this.entries.newestMs(number) }]
      }),
    )
    const decisions = await this.#goThrough(send, asked, rules)
    const changes = [...decisions].flatMap(([websiteId, decision]) =>
      decision.changes().map((change) => ({ websiteId, ...withId(change) })),
    )
    const removed = changes.filter((change) => 'remove' in change)
    const others = changes.filter((change) => 'startedMs' in change)
    // One website can have one open incident: what is over goes first.
    const known = others.filter(({ isNew }) => !isNew)
    const closed = known.filter(({ endedMs }) => endedMs !== null)
    const open = known.filter(({ endedMs }) => endedMs === null)
    const made = others.filter(({ isNew }) => isNew)
    const writes = [
      ...(removed.length > 0 ? [remove(removed)] : []),
      ...[closed, open].filter(({ length }) => length > 0).map(update),
      ...(made.length > 0 ? [insert(made)] : []),
    ]
    await Promise.all(writes.map(send))
    return others.flatMap(eventsOf)
  }

  async #goThrough(send: Send, asked: Asked, rules: IncidentRules): Promise<Map<string, Decision>> {
    const begin = [...asked].map(([id, { oldestMs }]) => [id, { timeMs: oldestMs, id: smallestId }] as const)
    const reach = Math.max(rules.failures, rules.recoveries)
    const [previous, known, first] = await Promise.all([
      rowsOf<StoredOutcome>(send, previousEntries(asked, reach)),
      rowsOf<StoredIncident>(send, knownIncidents(asked)),
      rowsOf<StoredOutcome>(send, nextEntries(new Map(begin), page)),
    ])
    const decisions = new Map(
      [...asked].map(([id, { oldestMs, newestMs }]) => {
        const before = (previous.get(id) ?? []).map((outcome) => this.#own(outcome)).reverse()
        return [id, new Decision(rules, known.get(id) ?? [], before, oldestMs, newestMs)]
      }),
    )
    for (let next = first; next.size > 0; ) {
      const behind = new Map<string, StoredOutcome>()
      for (const [websiteId, outcomes] of next) {
        const decision = decisions.get(websiteId) as Decision
        for (const outcome of outcomes) if (!decision.settled) decision.next(this.#own(outcome))
        if (outcomes.length === page && !decision.settled) behind.set(websiteId, outcomes.at(-1) as StoredOutcome)
      }
      if (behind.size === 0) break
      next = await rowsOf<StoredOutcome>(send, nextEntries(behind, page))
    }
    return decisions
  }

  #own(outcome: StoredOutcome): StoredOutcome {
    return this.#ids?.has(outcome.id) ? { ...outcome, isNew: true } : outcome
  }
}

async function rowsOf<T>(send: Send, statement: Statement): Promise<Map<string, T[]>> {
  const { rows } = await send(statement)
  const perWebsite = new Map<string, T[]>()
  for (const row of rows as (OfWebsite & T)[]) {
    const known = perWebsite.get(row.websiteId)
    if (known) known.push(row)
    else perWebsite.set(row.websiteId, [row])
  }
  return perWebsite
}

function withId(change: IncidentChange | IncidentRemoval) {
  const isNew = change.incidentId === null
  return { ...change, isNew, incidentId: change.incidentId ?? randomUUID() }
}

type Change = ReturnType<typeof withId> & OfWebsite & IncidentChange & { incidentId: string }

function eventsOf({ tell, websiteId, incidentId }: Change): IncidentEvent[] {
  return tell.map((kind) => ({ kind, websiteId, incidentId }))
}

function remove(changes: readonly { incidentId: string }[]): Statement {
  return {
    text: 'DELETE FROM incident WHERE incident_id = ANY ($1::uuid[])',
    values: [changes.map(({ incidentId }) => incidentId)],
  }
}

const time = (ms: number | null | undefined) => (ms == null ? null : new Date(ms).toISOString())

function values(changes: readonly Change[]): unknown[] {
  return [
    changes.map(({ incidentId }) => incidentId),
    changes.map(({ startedMs }) => time(startedMs)),
    changes.map(({ endedMs }) => time(endedMs)),
    changes.map(({ first }) => first.id),
    changes.map(({ first }) => first.cause),
    changes.map(({ first }) => first.detail),
    changes.map(({ announced }) => announced),
    changes.map(({ retracted }) => retracted),
  ]
}

const parameters = `
  unnest($1::uuid[], $2::timestamptz[], $3::timestamptz[], $4::uuid[], $5::varchar[], $6::varchar[], $7::boolean[],
         $8::boolean[]`

function insert(changes: readonly Change[]): Statement {
  return {
    text: `
      INSERT INTO incident (incident_id, started, ended, check_entry_id, cause, detail, announced, retracted, website_id)
      SELECT * FROM ${parameters}, $9::uuid[])`,
    values: [...values(changes), changes.map(({ websiteId }) => websiteId)],
  }
}

function update(changes: readonly Change[]): Statement {
  return {
    text: `
      UPDATE incident
         SET started = change.started, ended = change.ended, announced = change.announced, retracted = change.retracted,
             check_entry_id = change.first_id, cause = change.cause, detail = change.detail
        FROM ${parameters})
             AS change (incident_id, started, ended, first_id, cause, detail, announced, retracted)
       WHERE incident.incident_id = change.incident_id`,
    values: values(changes),
  }
}
