import type pg from 'pg'
import type { CheckEntry } from '../../src/checkEntry.ts'
import { closeDays } from '../../src/database/closeDays.ts'
import { checkEntry } from './entries.ts'
import { delivered, type Store, silent } from './storing.ts'

/** Adds a website that has been there for long. @returns its id */
export async function addWebsite(
  pool: pg.Pool,
  name: string,
  more: { url?: string; tags?: string[]; added?: string } = {},
): Promise<string> {
  const { rows } = await pool.query<{ id: string }>(
    `INSERT INTO website (name, url, tags, "timestamp") VALUES ($1, $2, $3, $4) RETURNING website_id AS id`,
    [name, more.url ?? 'https://my.example/', more.tags ?? [], more.added ?? '2020-01-01'],
  )
  return rows[0]?.id as string
}

/** Stores an entry for each of these minutes ago, as the consumer does. */
export async function storeChecks(
  store: Store,
  websiteId: string,
  minutesAgo: readonly number[],
  more: Partial<CheckEntry> = {},
): Promise<CheckEntry[]> {
  const entries = minutesAgo.map((minutes) =>
    checkEntry({
      websiteId,
      timestamp: new Date(Date.now() - minutes * 60_000),
      tlsTimeMs: 3,
      intervalSeconds: 60,
      ...more,
    }),
  )
  await store.store(entries.map(delivered))
  return entries
}

/** An entry as a failing check leaves it. */
export const failing: Partial<CheckEntry> = {
  available: false,
  httpStatus: 503,
  error: null,
  detail: null,
}

/** Fills check_day. */
export const closeAllDays = (store: Store) =>
  closeDays(store.pool, { logger: silent, signal: new AbortController().signal })
