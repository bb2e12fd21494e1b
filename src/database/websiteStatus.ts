import { type CheckEntry, statusAfter } from '../checkEntry.ts'
import type { WebsiteStatus } from '../website.ts'
import { BinaryArray } from './binaryArray.ts'
import type { Statement } from './database.ts'

/** A website whose status was changed. */
export interface StatusChange {
  readonly websiteId: string
  readonly from: WebsiteStatus
  readonly to: WebsiteStatus
}

/** Entries lie at most one day ahead of us (see message.ts), and our clock may differ from others. */
export const newestAheadMs = 2 * 86_400_000

const isChanged = `
  (website.status <> entry."to"
   OR entry.expires IS NOT NULL
      AND (website.certificate_expires, website.certificate_issuer) IS DISTINCT FROM (entry.expires, entry.issuer))`

const lock = `
  WITH website AS MATERIALIZED (
    SELECT website_id, status, certificate_expires, certificate_issuer FROM website
     WHERE website_id = ANY ($1::uuid[]) ORDER BY website_id FOR NO KEY UPDATE
  )
  SELECT website_id AS "websiteId"
    FROM website JOIN unnest($1::uuid[], $2::varchar[], $3::timestamptz[], $4::varchar[])
                   AS entry (website_id, "to", expires, issuer) USING (website_id)
   WHERE ${isChanged}`

/**
 * Entries can come late and in any order: only the newest of a website says what its status and certificate are. So this
 * comes after the entries are stored, and looks for a newer one where there is something to change.
 *
 * The lateral query with its LIMIT keeps PostgreSQL from reading whole partitions; the times of the parameters keep it
 * from planning with the partitions of all days, which costs more than the rest.
 */
const update = `
  WITH changed AS MATERIALIZED (
    SELECT entry.*, website.status AS "from"
      FROM website JOIN unnest($1::uuid[], $2::timestamptz[], $3::uuid[], $4::varchar[], $5::timestamptz[], $6::varchar[])
                     AS entry (website_id, "timestamp", check_entry_id, "to", expires, issuer) USING (website_id)
     WHERE ${isChanged}
  )
  UPDATE website SET status = "to",
                     certificate_expires = coalesce(expires, certificate_expires),
                     certificate_issuer = CASE WHEN expires IS NULL THEN certificate_issuer ELSE issuer END
    FROM changed
    LEFT JOIN LATERAL (
         SELECT true AS exists FROM check_entry
          WHERE check_entry.website_id = changed.website_id
            AND check_entry."timestamp" >= $7::timestamptz AND check_entry."timestamp" < $8::timestamptz
            AND (check_entry."timestamp", check_entry.check_entry_id) > (changed."timestamp", changed.check_entry_id)
          LIMIT 1) AS newer ON true
   WHERE website.website_id = changed.website_id AND newer.exists IS NULL
  RETURNING website.website_id AS "websiteId", changed."from", changed."to"`

/** What entries say of their websites: the newest one's certificate, if it has one, and its status. */
export class WebsiteStatuses {
  readonly #websites = new Map<string, { newest: CheckEntry; newestMs: number; oldestMs: number }>()

  add(entry: CheckEntry): void {
    const timeMs = entry.timestamp.getTime()
    const known = this.#websites.get(entry.websiteId)
    if (known === undefined) {
      this.#websites.set(entry.websiteId, { newest: entry, newestMs: timeMs, oldestMs: timeMs })
    } else if (isNewer(entry, known.newest)) {
      known.newest = entry
      known.newestMs = timeMs
    } else if (timeMs < known.oldestMs) known.oldestMs = timeMs
  }

  /** The times of the oldest and the newest entry of each website, in ms of the Unix epoch. */
  get times(): ReadonlyMap<string, { readonly oldestMs: number; readonly newestMs: number }> {
    return this.#websites
  }

  /**
   * To be run before anything else of the transaction: sessions side by side wait for one another here, in one order.
   * Four of them without it had 6 deadlocks and 227 wrong statuses in 160 batches.
   *
   * Its rows are the websites that `update` is to be asked for; in most cases there is none.
   */
  lock(): Statement {
    const arrays = new NewestArrays()
    for (const { newest } of this.#websites.values()) arrays.add(newest)
    return { text: lock, values: [arrays.websiteIds, arrays.statuses, arrays.expires, arrays.issuers].map(finished) }
  }

  /** To be run when the entries are stored. Its rows are of type StatusChange, also where only the certificate changed. */
  update(websites: readonly { websiteId: string }[]): Statement {
    const until = new Date(Date.now() + newestAheadMs)
    let oldest = until.getTime()
    const arrays = new NewestArrays()
    for (const { websiteId } of websites) {
      const { newest: entry } = this.#websites.get(websiteId) as { newest: CheckEntry }
      arrays.add(entry)
      oldest = Math.min(oldest, entry.timestamp.getTime())
    }
    const { websiteIds, times, ids, statuses, expires, issuers } = arrays
    return {
      text: update,
      values: [
        ...[websiteIds, times, ids, statuses, expires, issuers].map(finished),
        ...[new Date(oldest), until].map((time) => time.toISOString()),
      ],
    }
  }
}

class NewestArrays {
  readonly websiteIds = new BinaryArray('uuid')
  readonly times = new BinaryArray('timestamptz')
  readonly ids = new BinaryArray('uuid')
  readonly statuses = new BinaryArray('varchar')
  readonly expires = new BinaryArray('timestamptz')
  readonly issuers = new BinaryArray('varchar')

  add(entry: CheckEntry): void {
    this.websiteIds.uuid(entry.websiteId)
    this.times.timestamptz(entry.timestamp.getTime())
    this.ids.uuid(entry.id)
    this.statuses.varchar(statusAfter(entry))
    this.expires.timestamptz(entry.certificate?.expires.getTime() ?? null)
    this.issuers.varchar(entry.certificate?.issuer ?? null)
  }
}

const finished = (array: BinaryArray) => array.finish()

/** Of two entries of one time, the one with the greater id counts as newer: any rule does that all follow. */
export function isNewer(one: CheckEntry, other: CheckEntry): boolean {
  const difference = one.timestamp.getTime() - other.timestamp.getTime()
  return difference > 0 || (difference === 0 && one.id > other.id)
}
