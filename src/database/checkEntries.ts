import type pg from 'pg'
import { type CheckEntry, statusAfter } from '../checkEntry.ts'
import type { Logger } from '../logger.ts'
import type { DeadLetter } from '../message.ts'
import type { WebsiteStatus } from '../website.ts'
import { transaction } from './database.ts'
import { insertDeadLetters } from './deadLetters.ts'
import { ensurePartitionFor, isNoPartition } from './partitions.ts'

/** What became of the records of one partition that are stored together. */
export interface Chunk {
  readonly entries: readonly CheckEntry[]
  readonly deadLetters: readonly DeadLetter[]
}

/** A website whose status this chunk changed. */
export interface StatusChange {
  readonly websiteId: string
  readonly from: WebsiteStatus
  readonly to: WebsiteStatus
}

export interface Stored {
  readonly entries: number
  readonly duplicates: number
  readonly deadLetters: number
  readonly statusChanges: StatusChange[]
}

/**
 * Stores a chunk in one transaction: its entries, each id once; the status of the websites whose newest entry is among
 * them; its dead letters. Whoever calls it may commit the offsets afterwards.
 *
 * The websites are locked first, in order: four sessions without it had 6 deadlocks and 227 wrong statuses in 160
 * batches, with it none.
 *
 * @throws what PostgreSQL answers, with nothing stored
 */
export async function storeChunk(
  pool: pg.Pool,
  { entries, deadLetters }: Chunk,
  { signal, logger }: { readonly signal: AbortSignal; readonly logger: Logger },
): Promise<Stored> {
  try {
    return await storeOnce(pool, { entries, deadLetters }, signal)
  } catch (error) {
    if (!isNoPartition(error)) throw error
    // Entries of a day that has no partition yet: rare, so one by one.
    for (const timestamp of onePerDay(entries)) await ensurePartitionFor(pool, timestamp, { logger, signal })
    return storeOnce(pool, { entries, deadLetters }, signal)
  }
}

function storeOnce(pool: pg.Pool, { entries, deadLetters }: Chunk, signal: AbortSignal): Promise<Stored> {
  return transaction(pool, signal, async (client) => {
    const statusChanges: StatusChange[] = []
    let inserted = 0
    if (entries.length > 0) {
      const newest = newestPerWebsite(entries)
      await client.query(
        'SELECT 1 FROM website WHERE website_id = ANY ($1::uuid[]) ORDER BY website_id FOR NO KEY UPDATE',
        [[...newest.keys()]],
      )
      inserted = await insertEntries(client, entries)
      statusChanges.push(...(await updateStatuses(client, [...newest.values()])))
    }
    if (deadLetters.length > 0) await insertDeadLetters(client, deadLetters)
    return {
      entries: inserted,
      duplicates: entries.length - inserted,
      deadLetters: deadLetters.length,
      statusChanges,
    }
  })
}

/** The columns of `check_entry` with their types, and what of an entry goes into each. */
const columns: [name: string, type: string, value: (entry: CheckEntry) => unknown][] = [
  ['check_entry_id', 'uuid', (entry) => entry.id],
  ['website_id', 'uuid', (entry) => entry.websiteId],
  ['"timestamp"', 'timestamptz', (entry) => entry.timestamp.toISOString()],
  ['response_time', 'integer', (entry) => entry.responseTimeMs],
  ['http_status', 'smallint', (entry) => entry.httpStatus],
  ['regex', 'varchar', (entry) => entry.regex],
  ['regex_match', 'boolean', (entry) => entry.regexMatch],
  ['error', 'varchar', (entry) => entry.error],
  ['detail', 'varchar', (entry) => entry.detail],
  ['available', 'boolean', (entry) => entry.available],
  ['dns_time', 'integer', (entry) => entry.dnsTimeMs],
  ['connect_time', 'integer', (entry) => entry.connectTimeMs],
  ['tls_time', 'integer', (entry) => entry.tlsTimeMs],
  ['first_byte_time', 'integer', (entry) => entry.firstByteTimeMs],
  ['body_time', 'integer', (entry) => entry.bodyTimeMs],
  ['redirects', 'smallint', (entry) => entry.redirects],
  ['final_url', 'varchar', (entry) => entry.finalUrl],
  ['recheck', 'boolean', (entry) => entry.recheck],
]

/** In the order of the key, so that sessions side by side take its pages in the same order. */
const insert = `
  INSERT INTO check_entry (${columns.map(([name]) => name).join(', ')})
  SELECT * FROM unnest(${columns.map(([, type], n) => `$${n + 1}::${type}[]`).join(', ')})
  ORDER BY 2, 3, 1
  ON CONFLICT DO NOTHING`

async function insertEntries(client: pg.PoolClient, entries: readonly CheckEntry[]): Promise<number> {
  const { rowCount } = await client.query(
    insert,
    columns.map(([, , value]) => entries.map(value)),
  )
  return rowCount ?? 0
}

/** Entries can come late and in any order: only the newest of a website says what its status and certificate are. */
async function updateStatuses(client: pg.PoolClient, newest: readonly CheckEntry[]): Promise<StatusChange[]> {
  const { rows } = await client.query<StatusChange>(
    `UPDATE website SET status = entry.status,
                        certificate_expires = coalesce(entry.expires, website.certificate_expires),
                        certificate_issuer = coalesce(entry.issuer, website.certificate_issuer)
       FROM unnest($1::uuid[], $2::timestamptz[], $3::varchar[], $4::timestamptz[], $5::varchar[])
              AS entry (website_id, "timestamp", status, expires, issuer),
            website AS before
      WHERE website.website_id = entry.website_id AND before.website_id = entry.website_id
        AND (website.status <> entry.status OR website.certificate_expires <> entry.expires
             OR website.certificate_expires IS NULL AND entry.expires IS NOT NULL)
        AND NOT EXISTS (SELECT FROM check_entry AS newer
                         WHERE newer.website_id = entry.website_id AND newer."timestamp" > entry."timestamp")
     RETURNING website.website_id AS "websiteId", before.status AS "from", entry.status AS "to"`,
    [
      newest.map((entry) => entry.websiteId),
      newest.map((entry) => entry.timestamp.toISOString()),
      newest.map(statusAfter),
      newest.map((entry) => entry.certificate?.expires.toISOString()),
      newest.map((entry) => entry.certificate?.issuer),
    ],
  )
  return rows.filter(({ from, to }) => from !== to)
}

function onePerDay(entries: readonly CheckEntry[]): Iterable<Date> {
  return new Map(entries.map(({ timestamp }) => [timestamp.toISOString().slice(0, 10), timestamp])).values()
}

function newestPerWebsite(entries: readonly CheckEntry[]): Map<string, CheckEntry> {
  const newest = new Map<string, CheckEntry>()
  for (const entry of entries) {
    const known = newest.get(entry.websiteId)
    if (known === undefined || known.timestamp < entry.timestamp) newest.set(entry.websiteId, entry)
  }
  return newest
}
