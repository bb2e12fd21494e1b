import type pg from 'pg'
import {
  readDays,
  readHours,
  readWebsitesNow,
  type WebsiteDays,
  type WebsiteHours,
  type WebsiteNow,
} from '../database/overview.ts'
import { shownUrl } from '../shownUrl.ts'
import { type Bar, barsOf, dayMs, hourMs, type Uptime, unpack, uptimeOf, type Window, windowStart } from './history.ts'
import { Kept } from './kept.ts'

export type Status = WebsiteNow['status']
/** In the order of their urgency. */
export const statuses: readonly Status[] = ['unavailable', 'unknown', 'active', 'disabled']

/** So long the rollups of a page that nobody looks at may grow old. */
const warmMs = 600_000

/** For so long the websites are not read again. With the 5 s between two looks of a page, what is new is there in 10 s. */
const websitesMs = 4_000
/** So old may be what is shown without asking the database first: whoever types waits for nothing. */
const staleMs = 4_800

/** A website as visitors may see it. */
export class ShownWebsite {
  readonly url: string
  /** What the filter looks through, in lower case. */
  readonly text: string
  readonly sortName: string

  constructor(
    readonly now: WebsiteNow,
    private readonly hours: WebsiteHours | undefined,
    private readonly days: WebsiteDays | undefined,
  ) {
    this.url = shownUrl(now.url)
    this.sortName = now.name.toLowerCase()
    this.text = `${this.sortName}\n${this.url.toLowerCase()}\n${now.tags.join('\n').toLowerCase()}`
  }

  get id(): string {
    return this.now.id
  }

  /** Since when it has its status, in ms; null: not known. */
  get sinceMs(): number | null {
    const { status, started, checked, recovered, added } = this.now
    if (status === 'unavailable') return started ?? checked
    return status === 'active' ? (recovered ?? added) : null
  }

  uptime(window: Window): Uptime {
    const { added, now } = this.now
    const from = windowStart(window, now)
    if (window === '24h') return uptimeOf(this.hours ?? nothing, from, added, now)
    const name = window === '7d' ? 'week' : window === '30d' ? 'month' : 'quarter'
    const [before, today] = [this.days?.[name] ?? noSums, this.hours?.today ?? noSums]
    const [checks, failures, covered] = before.map((sum, n) => sum + (today[n] as number)) as [number, number, number]
    return uptimeOf({ checks, failures, covered }, from, added, now)
  }

  /** The last 24 full hours and the running one. */
  hourBars(): Bar[] {
    return barsOf(unpack(this.hours?.cells ?? ''), hourMs, 25, this.now.added, this.now.now)
  }

  /** The last 90 days and today. */
  dayBars(): Bar[] {
    const { added, now } = this.now
    const cells = unpack(this.days?.cells ?? '')
    const [checks, failures, covered] = this.hours?.today ?? noSums
    if (checks > 0) cells.push({ number: Math.floor(now / dayMs), checks, failures, covered, responseTime: null })
    return barsOf(cells, dayMs, 91, added, now)
  }
}

const noSums = [0, 0, 0] as const
const nothing = { checks: 0, failures: 0, covered: 0 }

export interface Snapshot {
  /** When the database said so, in ms. */
  readonly atMs: number
  /** By name, then by id. */
  readonly websites: readonly ShownWebsite[]
  readonly byId: ReadonlyMap<string, ShownWebsite>
  readonly counts: Readonly<Record<Status, number>>
  /** The database does not answer: this is what it said last. */
  readonly isOld: boolean
}

/** All websites, as of some seconds ago. It costs the database the same whether one visitor asks or a thousand. */
export class Overview {
  readonly #websites: Kept<WebsiteNow[]>
  readonly #hours: Kept<Map<string, WebsiteHours>>
  readonly #days: Kept<{ readonly day: number; readonly days: Map<string, WebsiteDays> }>
  #snapshot: { readonly from: readonly unknown[]; readonly snapshot: Snapshot } | undefined

  constructor(pool: pg.Pool, signal: AbortSignal) {
    this.#websites = new Kept(() => readWebsitesNow(pool, signal), { leastMs: websitesMs, timesItsCost: 20 })
    this.#hours = new Kept(async () => byId(await readHours(pool, signal)), { leastMs: 10_000, timesItsCost: 100 })
    this.#days = new Kept(
      async () => {
        const day = Math.floor(Date.now() / dayMs)
        return { day, days: byId(await readDays(pool, signal)) }
      },
      { leastMs: 60_000, timesItsCost: 100 },
    )
  }

  /** @throws when the database has not answered yet */
  async get(): Promise<Snapshot> {
    const days = await this.#days.soon()
    const today = Math.floor(Date.now() / dayMs)
    const from = await Promise.all([
      this.#websites.soon(staleMs),
      this.#hours.soon(),
      days.day === today ? days : this.#days.fresh(),
    ] as const).catch((error: unknown) => this.#lastOr(error))
    if (!Array.isArray(from)) return from
    const [websites, hours] = from
    if (this.#snapshot?.from.every((part, n) => part === from[n])) return this.#snapshot.snapshot
    const snapshot = snapshotOf(websites, hours, from[2].days)
    this.#snapshot = { from, snapshot }
    return snapshot
  }

  /** For a visitor who comes after a long time: the rollups of 10,000 websites take a second. */
  async warm(): Promise<void> {
    await Promise.all([this.#days, this.#hours].filter(({ ageMs }) => ageMs > warmMs).map((kept) => kept.fresh()))
  }

  #lastOr(error: unknown): Snapshot {
    if (!this.#snapshot) throw error
    return { ...this.#snapshot.snapshot, isOld: true }
  }
}

const byId = <T extends { readonly id: string }>(rows: readonly T[]) => new Map(rows.map((row) => [row.id, row]))

function snapshotOf(
  rows: readonly WebsiteNow[],
  hours: ReadonlyMap<string, WebsiteHours>,
  days: ReadonlyMap<string, WebsiteDays>,
): Snapshot {
  const websites = rows.map((row) => new ShownWebsite(row, hours.get(row.id), days.get(row.id))).sort(byName)
  const counts = { active: 0, unavailable: 0, unknown: 0, disabled: 0 }
  for (const { now } of websites) counts[now.status]++
  return { atMs: rows[0]?.now ?? Date.now(), websites, byId: byId(websites), counts, isOld: false }
}

export function byName(
  one: Pick<ShownWebsite, 'sortName' | 'id'>,
  other: Pick<ShownWebsite, 'sortName' | 'id'>,
): number {
  if (one.sortName !== other.sortName) return one.sortName < other.sortName ? -1 : 1
  return one.id < other.id ? -1 : one.id > other.id ? 1 : 0
}
