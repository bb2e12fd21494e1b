/** All websites at a glance. Times are ms of the Unix epoch. */
import type pg from 'pg'
import type { WebsiteStatus } from '../website.ts'
import { read } from './reading.ts'
import { dayAgo, msOf } from './uptime.ts'

/** A website as it is at this moment. */
export interface WebsiteNow {
  readonly id: string
  readonly name: string
  /** As it stands in the table: with its secrets. */
  readonly url: string
  readonly tags: readonly string[]
  readonly status: WebsiteStatus | 'disabled'
  readonly added: number
  /** When the database said all this. */
  readonly now: number
  /** The open incident. */
  readonly incident: string | null
  readonly started: number | null
  readonly cause: string | null
  readonly detail: string | null
  /** When the last incident was over; null: there was none. */
  readonly recovered: number | null
  /** The newest entry of the last two days. */
  readonly checked: number | null
  readonly http_status: number | null
  readonly response_time: number | null
  readonly error: string | null
}

export function readWebsitesNow(pool: pg.Pool, signal: AbortSignal): Promise<WebsiteNow[]> {
  const text = `
    SELECT website.website_id AS id, name, url, tags, CASE WHEN enabled THEN status ELSE 'disabled' END AS status,
           ${msOf('website."timestamp"')} AS added, ${msOf('now()')} AS now,
           open.incident_id AS incident, ${msOf('open.started')} AS started, open.cause, open.detail,
           ${msOf('last.ended')} AS recovered,
           ${msOf('newest."timestamp"')} AS checked, newest.http_status, newest.response_time, newest.error
      FROM website
      LEFT JOIN LATERAL (
           SELECT "timestamp", http_status, response_time, error
             FROM check_entry
            WHERE check_entry.website_id = website.website_id
              AND "timestamp" > now() - interval '2 days' AND "timestamp" < now() + interval '1 day'
            ORDER BY "timestamp" DESC
            LIMIT 1) AS newest ON true
      LEFT JOIN incident AS open
             ON open.website_id = website.website_id AND open.ended IS NULL AND NOT open.retracted
      LEFT JOIN LATERAL (
           SELECT ended FROM incident
            WHERE incident.website_id = website.website_id AND ended IS NOT NULL AND NOT retracted
            ORDER BY started DESC
            LIMIT 1) AS last ON true`
  return read(pool, signal, { text, values: [] })
}

/** Counts of a website over some time. `covered` are seconds. */
export interface Sums {
  readonly checks: number
  readonly failures: number
  readonly covered: number
}

/**
 * The last 24 full hours of a website and the running one.
 */
export interface WebsiteHours extends Sums {
  readonly id: string
  /** Those since midnight. */
  readonly today: readonly [checks: number, failures: number, covered: number]
  /** `hour,checks,failures,covered,mean response time;...`: hours since the Unix epoch, seconds, ms. None for a gap. */
  readonly cells: string
}

/** Days of UTC. Those before today: of today the hours tell. */
export interface WebsiteDays {
  readonly id: string
  /** Of the last 7, 30 and 90 days. */
  readonly week: readonly [checks: number, failures: number, covered: number]
  readonly month: readonly [checks: number, failures: number, covered: number]
  readonly quarter: readonly [checks: number, failures: number, covered: number]
  /** `day,checks,failures,covered;...`: days since the Unix epoch. None for a gap. */
  readonly cells: string
}

const sumsOf = (filter = '') =>
  `ARRAY[${['checks', 'failures', 'covered'].map((column) => `coalesce(sum(${column})${filter}, 0)`)}]::float8[]`
const today = `date_trunc('day', now(), 'UTC')`
const hourNumber = `(extract(epoch FROM hour) / 3600)::integer`

export function readHours(pool: pg.Pool, signal: AbortSignal): Promise<WebsiteHours[]> {
  const text = `
    SELECT website_id AS id, sum(checks)::float8 AS checks, sum(failures)::float8 AS failures,
           sum(covered)::float8 AS covered, ${sumsOf(` FILTER (WHERE hour >= ${today})`)} AS today,
           string_agg(concat_ws(',', ${hourNumber}, checks, failures, covered,
                                response_time_sum / nullif(responses, 0)), ';' ORDER BY hour) AS cells
      FROM check_hour
     WHERE hour >= ${dayAgo} AND hour <= now()
     GROUP BY website_id`
  return read(pool, signal, { text, values: [] })
}

export async function readDays(pool: pg.Pool, signal: AbortSignal): Promise<WebsiteDays[]> {
  // What check_day does not hold yet is added up from the hours: none, but for some minutes after midnight.
  const [state] = await read<{ closed: string; behind: boolean }>(pool, signal, {
    text: `SELECT day AS closed, day::date < (now() AT TIME ZONE 'UTC')::date AS behind
             FROM (SELECT to_char(coalesce(max(closed), '2000-01-01') AT TIME ZONE 'UTC', 'YYYY-MM-DD') AS day
                     FROM rollup_state) AS state`,
    values: [],
  })
  const first = `((now() AT TIME ZONE 'UTC')::date - 90)`
  const open = `
    UNION ALL
    SELECT website_id, (hour AT TIME ZONE 'UTC')::date, sum(checks), sum(failures), sum(covered)
      FROM check_hour
     WHERE hour >= greatest($1::date, ${first})::timestamp AT TIME ZONE 'UTC' AND hour < ${today}
     GROUP BY 1, 2`
  const since = (days: number) => sumsOf(` FILTER (WHERE day >= (now() AT TIME ZONE 'UTC')::date - ${days})`)
  const text = `
    SELECT website_id AS id, ${since(7)} AS week, ${since(30)} AS month, ${since(90)} AS quarter,
           string_agg(concat_ws(',', day - '1970-01-01'::date, checks, failures, covered), ';' ORDER BY day) AS cells
      FROM (SELECT website_id, day, checks, failures, covered
              FROM check_day
             WHERE day >= ${first} AND day < least($1::date, (now() AT TIME ZONE 'UTC')::date)
            ${state?.behind ? open : ''}) AS days
     GROUP BY website_id`
  return read(pool, signal, { text, values: [state?.closed] })
}
