import type pg from 'pg'
import type { WebsiteStatus } from '../website.ts'
import type { WebsiteSettings } from '../websiteSettings.ts'
import { coverageOf, dayAgo, uptimeOf } from './uptime.ts'

/** A row of `website` as it stands in the table. */
export interface StoredWebsite extends WebsiteSettings {
  readonly website_id: string
}

/** A website, and how it is. */
export interface ListedWebsite extends StoredWebsite {
  readonly status: WebsiteStatus
  /** When it was added. */
  readonly timestamp: Date
  readonly silenced_until: Date | null
  readonly certificate_expires: Date | null
  readonly certificate_issuer: string | null
  /** The newest entry; null: none in the last two days. */
  readonly last_check: LastCheck | null
  /** Of the last 24 full hours and the running one. Null: no check. */
  readonly uptime: number | null
  /** The share of that time, since the website was added, for which there are checks. */
  readonly coverage: number
}

export interface LastCheck {
  readonly timestamp: string
  readonly available: boolean | null
  readonly http_status: number
  readonly response_time: number
  readonly error: string | null
  readonly detail: string | null
}

export interface ListFilter {
  /** All of them. */
  readonly tags?: readonly string[] | undefined
  /** `disabled` is the status of what is not checked. */
  readonly status?: WebsiteStatus | 'disabled' | undefined
  readonly ids?: readonly string[] | undefined
}

export const settingsColumns = `name, url, regex, enabled, interval, timeout, method, headers, body, expected_status,
       follow_redirects, verify_certificate, tags`

export async function readStoredWebsites(client: pg.Pool | pg.ClientBase): Promise<StoredWebsite[]> {
  const { rows } = await client.query<StoredWebsite>(
    `SELECT website_id, ${settingsColumns} FROM website ORDER BY name, website_id`,
  )
  return rows
}

/** Those with one of these names or ids. */
export async function findWebsites(
  client: pg.Pool | pg.ClientBase,
  namesOrIds: readonly string[],
): Promise<Pick<StoredWebsite, 'website_id' | 'name' | 'url'>[]> {
  const { rows } = await client.query<StoredWebsite>(
    `SELECT website_id, name, url FROM website
      WHERE name = ANY ($1::varchar[]) OR website_id::text = ANY ($2::text[])
      ORDER BY name, website_id`,
    [namesOrIds, namesOrIds.map((text) => text.toLowerCase())],
  )
  return rows
}

/** The newest entry of each is looked up by LATERAL, uptime comes from the hours: see docs/queries.md. */
export async function listWebsites(pool: pg.Pool, { tags, status, ids }: ListFilter): Promise<ListedWebsite[]> {
  const { rows } = await pool.query<ListedWebsite>(
    `SELECT website_id, ${settingsColumns}, status, "timestamp", silenced_until, certificate_expires,
            certificate_issuer, newest.last_check,
            ${uptimeOf('failures', 'checks')} AS uptime, ${coverageOf('covered', dayAgo)} AS coverage
       FROM website
       LEFT JOIN LATERAL (
            SELECT jsonb_build_object(
                     'timestamp', "timestamp", 'available', available, 'http_status', http_status,
                     'response_time', response_time, 'error', error, 'detail', detail) AS last_check
              FROM check_entry
             WHERE check_entry.website_id = website.website_id
               AND "timestamp" > now() - interval '2 days' AND "timestamp" < now() + interval '1 day'
             ORDER BY "timestamp" DESC
             LIMIT 1) AS newest ON true
       LEFT JOIN (
            SELECT website_id, sum(checks) AS checks, sum(failures) AS failures, sum(covered)::float8 AS covered
              FROM check_hour
             WHERE hour >= ${dayAgo} AND hour <= now()
               AND ($3::uuid[] IS NULL OR website_id = ANY ($3))
             GROUP BY website_id) AS hours USING (website_id)
      WHERE ($1::varchar[] IS NULL OR tags @> $1)
        AND ($2::varchar IS NULL OR CASE WHEN enabled THEN status ELSE 'disabled' END = $2)
        AND ($3::uuid[] IS NULL OR website_id = ANY ($3))
      ORDER BY name, website_id`,
    [tags ?? null, status ?? null, ids ?? null],
  )
  return rows
}
