import type pg from 'pg'
import { type Difference, differenceOf } from '../websiteDifference.ts'
import type { WebsiteSettings } from '../websiteSettings.ts'
import { transaction } from './database.ts'
import { takeAdvisory } from './locks.ts'
import { findWebsites, readStoredWebsites, settingsColumns } from './websiteList.ts'

const rowsAtATime = 1_000

/** Sent as one JSON text, because `tags` is an array, and unnest takes arrays of arrays apart. */
const settingsRows = `
  jsonb_to_recordset($1::jsonb) AS row (
    website_id uuid, name varchar, url varchar, regex varchar, enabled boolean, interval integer, timeout integer,
    method varchar, headers jsonb, body varchar, expected_status varchar, follow_redirects boolean,
    verify_certificate boolean, tags varchar[])`

const insert = `
  INSERT INTO website (${settingsColumns}) SELECT ${settingsColumns} FROM ${settingsRows} RETURNING website_id`

const update = `
  UPDATE website SET (${settingsColumns}) = ROW (${settingsColumns.replaceAll(/\w+/g, 'row.$&')})
    FROM ${settingsRows} WHERE website.website_id = row.website_id`

/** In the order in which the consumer locks them, so that neither waits for the other for ever. */
const lock = 'SELECT FROM website WHERE website_id = ANY ($1::uuid[]) ORDER BY website_id FOR UPDATE'

const never = new AbortController().signal

/** @returns its id; undefined when a website of this name is there */
export function addWebsite(pool: pg.Pool, settings: WebsiteSettings): Promise<string | undefined> {
  return transaction(pool, never, async (client) => {
    await client.query(takeAdvisory('websites'))
    const namesakes = (await findWebsites(client, [settings.name])).filter(({ name }) => name === settings.name)
    if (namesakes.length > 0) return undefined
    const { rows } = await client.query<{ website_id: string }>(insert, [JSON.stringify([settings])])
    return rows[0]?.website_id
  })
}

/** What they were checked for stays in `check_entry`. */
export async function removeWebsites(pool: pg.Pool, ids: readonly string[]): Promise<void> {
  await pool.query('DELETE FROM website WHERE website_id = ANY ($1::uuid[])', [ids])
}

export async function enableWebsites(pool: pg.Pool, ids: readonly string[], enabled: boolean): Promise<void> {
  await pool.query('UPDATE website SET enabled = $2 WHERE website_id = ANY ($1::uuid[])', [ids, enabled])
}

/**
 * @param seconds from now, by the database's clock; null: the silence ends
 * @returns until when
 */
export async function silenceWebsites(
  pool: pg.Pool,
  ids: readonly string[],
  seconds: number | null,
): Promise<Date | null> {
  const { rows } = await pool.query<{ until: Date | null }>(
    `UPDATE website SET silenced_until = now() + make_interval(secs => $2::float8)
      WHERE website_id = ANY ($1::uuid[]) RETURNING silenced_until AS until`,
    [ids, seconds],
  )
  return rows[0]?.until ?? null
}

export interface ImportOptions {
  /** Whether what is not wanted goes. */
  readonly prune: boolean
  /** Nothing is changed. */
  readonly dryRun: boolean
  /** Called with the number of rows written so far. */
  readonly onProgress?: (written: number, of: number) => void
}

/**
 * Makes the websites what is wanted, by their names, in one transaction.
 *
 * @throws {DuplicateNameError} when the database has several of a name that is wanted; nothing is changed then
 */
export function importWebsites(
  pool: pg.Pool,
  wanted: readonly WebsiteSettings[],
  { prune, dryRun, onProgress }: ImportOptions,
): Promise<Difference> {
  return transaction(pool, never, async (client) => {
    await client.query(takeAdvisory('websites'))
    const difference = differenceOf(await readStoredWebsites(client), wanted, prune)
    if (dryRun) return difference
    const { added, changed, removed } = difference
    const touched = [...changed, ...removed].map(({ website_id }) => website_id)
    if (touched.length > 0) await client.query(lock, [touched])
    const total = added.length + changed.length + removed.length
    let written = 0
    const inPortions = async <T>(rows: readonly T[], write: (portion: readonly T[]) => Promise<unknown>) => {
      for (let from = 0; from < rows.length; from += rowsAtATime) {
        const portion = rows.slice(from, from + rowsAtATime)
        await write(portion)
        written += portion.length
        onProgress?.(written, total)
      }
    }
    await inPortions(removed, (rows) =>
      client.query('DELETE FROM website WHERE website_id = ANY ($1::uuid[])', [
        rows.map(({ website_id }) => website_id),
      ]),
    )
    const changedRows = changed.map(({ website_id, settings }) => ({ ...settings, website_id }))
    await inPortions(changedRows, (rows) => client.query(update, [JSON.stringify(rows)]))
    await inPortions(added, (rows) => client.query(insert, [JSON.stringify(rows)]))
    return difference
  })
}
