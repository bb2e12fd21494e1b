/** What is told of one website: its checks, response times and incidents. */
import type pg from 'pg'
import { read } from './reading.ts'

/** Up to the microsecond: what JavaScript's Date cannot hold decides where a page goes on. */
const timeOf = (time: string) => `to_char(${time} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`

export interface StoredCheck {
  readonly id: string
  readonly timestamp: string
  readonly available: boolean | null
  readonly http_status: number
  readonly response_time: number
  readonly dns_time: number | null
  readonly connect_time: number | null
  readonly tls_time: number | null
  readonly first_byte_time: number | null
  readonly body_time: number | null
  readonly redirects: number | null
  readonly final_url: string | null
  readonly regex: string
  readonly regex_match: boolean
  readonly error: string | null
  readonly detail: string | null
  readonly recheck: boolean
  readonly suspect: boolean
}

const checkColumns = `check_entry_id AS id, ${timeOf('"timestamp"')} AS "timestamp", available, http_status, response_time,
       dns_time, connect_time, tls_time, first_byte_time, body_time, redirects, final_url, regex, regex_match, error, detail,
       recheck, suspect`

/** The newest first. @param before time and id of the one that they come after */
export function readChecks(
  pool: pg.Pool,
  signal: AbortSignal,
  {
    id,
    before,
    limit,
  }: { readonly id: string; readonly before?: readonly [string, string] | undefined; readonly limit: number },
): Promise<StoredCheck[]> {
  const text = `
    SELECT ${checkColumns} FROM check_entry
     WHERE website_id = $1
       AND "timestamp" <= coalesce($3::timestamptz, now() + interval '1 day')
       AND ($3::timestamptz IS NULL OR ("timestamp", check_entry_id) < ($3, $4::uuid))
     ORDER BY "timestamp" DESC, check_entry_id DESC
     LIMIT $2`
  return read(pool, signal, { text, values: [id, limit, before?.[0] ?? null, before?.[1] ?? null] })
}

export interface ShownIncident {
  readonly id: string
  readonly website_id: string
  /** Null: it is no more. */
  readonly website: string | null
  readonly started: string
  /** Null: it lasts. */
  readonly ended: string | null
  readonly cause: string
  readonly detail: string | null
  /** The entry that it began with; null: the retention has dropped it. */
  readonly first: StoredCheck | null
}

/** The last that began first. Those that turned out to be none are left out. */
export function readIncidents(
  pool: pg.Pool,
  signal: AbortSignal,
  { website, open, before, limit }: IncidentFilter,
): Promise<ShownIncident[]> {
  const text = `
    SELECT incident_id AS id, incident.website_id, website.name AS website, ${timeOf('started')} AS started,
           ${timeOf('ended')} AS ended, cause, incident.detail, to_jsonb(first) AS first
      FROM (SELECT * FROM incident
             WHERE NOT retracted
               AND ($1::uuid IS NULL OR website_id = $1)
               AND ($2::boolean IS NULL OR (ended IS NULL) = $2)
               AND ($4::timestamptz IS NULL OR (started, incident_id) < ($4, $5::uuid))
             ORDER BY started DESC, incident_id DESC
             LIMIT $3) AS incident
      LEFT JOIN website ON website.website_id = incident.website_id
      LEFT JOIN LATERAL (
           SELECT ${checkColumns} FROM check_entry
            WHERE check_entry.website_id = incident.website_id AND "timestamp" = incident.started
              AND check_entry.check_entry_id = incident.check_entry_id) AS first ON true
     ORDER BY incident.started DESC, incident_id DESC`
  const values = [website ?? null, open ?? null, limit, before?.[0] ?? null, before?.[1] ?? null]
  return read(pool, signal, { text, values })
}

export interface IncidentFilter {
  readonly website?: string | undefined
  readonly open?: boolean | undefined
  readonly before?: readonly [string, string] | undefined
  readonly limit: number
}

export interface StatusCount {
  readonly http_status: number
  readonly error: string | null
  readonly checks: number
}

/** Of the newest checks of the time: those of 90 days lie so far apart that counting all takes seconds. */
export function readStatusCounts(
  pool: pg.Pool,
  signal: AbortSignal,
  { id, from, to, limit }: { readonly id: string; readonly from: Date; readonly to: Date; readonly limit: number },
): Promise<StatusCount[]> {
  const text = `
    SELECT http_status, error, count(*)::integer AS checks
      FROM (SELECT http_status, error FROM check_entry
             WHERE website_id = $1 AND "timestamp" >= $2 AND "timestamp" < $3
             ORDER BY "timestamp" DESC LIMIT $4) AS newest
     GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2`
  return read(pool, signal, { text, values: [id, from, to, limit] })
}
