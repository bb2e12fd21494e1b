import type pg from 'pg'
import { type CheckEntry, statusAfter } from '../../src/checkEntry.ts'
import type { WebsiteStatus } from '../../src/website.ts'

/** A row of `check_hour` or `check_day`. */
export interface Rollup {
  readonly website: string
  /** The start of the hour or day, as 2026-11-24T12:00Z. */
  readonly start: string
  readonly checks: number
  readonly failures: number
  readonly covered: number
  readonly responses: number
  readonly sum: number
  readonly min: number | null
  readonly max: number | null
  readonly histogram: readonly number[]
}

export type Counted = Pick<
  CheckEntry,
  'websiteId' | 'timestamp' | 'available' | 'httpStatus' | 'responseTimeMs' | 'recheck' | 'intervalSeconds'
>

/** What the rollups must hold of these entries: written from the description of the tables, not from their SQL. */
export function rollupsOf(entries: readonly Counted[], unit: 'hour' | 'day', defaultInterval = 30): Rollup[] {
  const groups = new Map<string, { website: string; start: string; entries: Counted[] }>()
  for (const entry of entries) {
    if (entry.recheck) continue
    const time = entry.timestamp.toISOString()
    const start = unit === 'hour' ? `${time.slice(0, 13)}:00Z` : `${time.slice(0, 10)}T00:00Z`
    const key = `${entry.websiteId} ${start}`
    const group = groups.get(key) ?? { website: entry.websiteId, start, entries: [] }
    group.entries.push(entry)
    groups.set(key, group)
  }
  return [...groups.keys()].sort().map((key) => {
    const { website, start, entries: group } = groups.get(key) as { website: string; start: string; entries: Counted[] }
    const times = group.filter(({ httpStatus }) => httpStatus > 0).map(({ responseTimeMs }) => responseTimeMs)
    return {
      website,
      start,
      checks: group.length,
      failures: group.filter(({ available }) => !available).length,
      covered: group.reduce((sum, { intervalSeconds }) => sum + (intervalSeconds ?? defaultInterval), 0),
      responses: times.length,
      sum: times.reduce((sum, ms) => sum + ms, 0),
      min: times.length === 0 ? null : Math.min(...times),
      max: times.length === 0 ? null : Math.max(...times),
      histogram: histogramOf(times),
    }
  })
}

function histogramOf(times: readonly number[]): number[] {
  const edges = [-1, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, Number.POSITIVE_INFINITY]
  return edges.slice(1).map((to, n) => times.filter((ms) => ms > (edges[n] as number) && ms <= to).length)
}

export async function readRollups(pool: pg.Pool, unit: 'hour' | 'day'): Promise<Rollup[]> {
  const start = unit === 'hour' ? `hour AT TIME ZONE 'UTC'` : 'day'
  const { rows } = await pool.query<Rollup>(
    `SELECT website_id AS website, to_char(${start}, 'YYYY-MM-DD"T"HH24:MI"Z"') AS start, checks, failures, covered,
            responses, response_time_sum::float8 AS sum, response_time_min AS min, response_time_max AS max, histogram
       FROM check_${unit} ORDER BY 1, 2`,
  )
  return rows
}

/** What a website's row says after these entries. */
export interface Reported {
  readonly status: WebsiteStatus
  readonly expires: Date | null
  readonly issuer: string | null
}

/** @param entries of one website, in any order; the newest one decides, the greater id between two of one time */
export function reportedBy(entries: readonly CheckEntry[]): Reported {
  const sorted = [...entries].sort(
    (a, b) => a.timestamp.getTime() - b.timestamp.getTime() || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0),
  )
  const newest = sorted.at(-1)
  const certificate = sorted.findLast((entry) => entry.certificate !== null)?.certificate
  return {
    status: newest === undefined ? 'unknown' : statusAfter(newest),
    expires: certificate?.expires ?? null,
    issuer: certificate?.issuer ?? null,
  }
}
