import type { WebsiteStatus } from '../website.ts'
import { BinaryArray } from './binaryArray.ts'
import type { Statement } from './database.ts'
import type { NewestEntries } from './newestEntries.ts'

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

/**
 * To be run before anything else of the transaction: sessions side by side wait for one another here, in one order.
 * Four of them without it had 6 deadlocks and 227 wrong statuses in 160 batches.
 *
 * Its rows are the websites that `updateWebsites` is to be asked for; in most cases there is none.
 */
export function lockWebsites(newest: NewestEntries): Statement {
  const columns = new StatusColumns()
  for (let number = 0; number < newest.size; number++) columns.add(newest, number)
  return { text: lock, values: [newest.websiteIds(), ...columns.finish()] }
}

/** To be run when the entries are stored. Its rows are of type StatusChange, also where only the certificate changed. */
export function updateWebsites(newest: NewestEntries, websites: readonly { websiteId: string }[]): Statement {
  const until = new Date(Date.now() + newestAheadMs)
  let oldest = until.getTime()
  const [websiteIds, times, ids] = [new BinaryArray('uuid'), new BinaryArray('timestamptz'), new BinaryArray('uuid')]
  const columns = new StatusColumns()
  for (const { websiteId } of websites) {
    const number = newest.numberOf(websiteId)
    websiteIds.uuid(websiteId)
    times.timestamptz(newest.newestMs(number))
    ids.uuid(newest.id(number))
    columns.add(newest, number)
    oldest = Math.min(oldest, newest.newestMs(number))
  }
  const range = [new Date(oldest), until].map((time) => time.toISOString())
  return { text: update, values: [websiteIds.finish(), times.finish(), ids.finish(), ...columns.finish(), ...range] }
}

/** What is to become of websites. */
class StatusColumns {
  readonly #statuses = new BinaryArray('varchar')
  readonly #expires = new BinaryArray('timestamptz')
  readonly #issuers = new BinaryArray('varchar')

  add(newest: NewestEntries, number: number): void {
    this.#statuses.varchar(newest.status(number))
    this.#expires.timestamptz(newest.expiresMs(number))
    this.#issuers.varchar(newest.issuer(number))
  }

  finish(): Buffer[] {
    return [this.#statuses, this.#expires, this.#issuers].map((column) => column.finish())
  }
}
