import type { Outcome } from '../../incident.ts'
import { BinaryArray } from '../binaryArray.ts'
import type { Statement } from '../database.ts'
import { msOf } from '../uptime.ts'
import { newestAheadMs } from '../websiteStatus.ts'

/** The times of the oldest and the newest entry that came of each website, in ms of the Unix epoch. */
export type Asked = ReadonlyMap<string, { readonly oldestMs: number; readonly newestMs: number }>

/** A check entry as it is stored. */
export interface StoredOutcome extends Outcome {
  readonly cause: string
  readonly detail: string | null
  /** By this transaction: what came again was there before. */
  readonly isNew: boolean
}

/** A row of `incident`. */
export interface StoredIncident {
  readonly incidentId: string
  readonly startedMs: number
  /** Of its first failing entry. */
  readonly firstId: string
  readonly cause: string
  readonly detail: string | null
  readonly endedMs: number | null
  readonly announced: boolean
  /** It ended without a good entry, because nobody checks its website any more. */
  readonly closed: boolean
}

export interface OfWebsite {
  readonly websiteId: string
}

const dayMs = 86_400_000

/** A website has at least one check a day. */
const reachMs = (entries: number) => (entries + 1) * dayMs

const outcome = `
  check_entry_id, "timestamp", available, detail, xmin = pg_current_xact_id()::xid AS is_new,
  coalesce(error, CASE WHEN http_status BETWEEN 100 AND 399 AND NOT regex_match THEN 'regex_match false'
                       ELSE 'http_status ' || http_status END) AS cause`
/** Rows of the original's consumer do not say whether they were good, suspect ones do not count. */
const counts = 'available IS NOT NULL AND NOT suspect'
const asOutcome = `
  website_id AS "websiteId", check_entry_id AS id, ${msOf('entry."timestamp"')} AS "timeMs", available, detail,
  is_new AS "isNew", cause`

/** The last entries of each website before its time, the newest first: rows of `OfWebsite & StoredOutcome`. */
export function previousEntries(asked: Asked, limit: number): Statement {
  const from = new Date(oldestOf(asked) - reachMs(limit)).toISOString()
  return {
    text: `
      SELECT ${asOutcome}
        FROM unnest($1::uuid[], $2::timestamptz[]) AS asked (website_id, oldest)
       CROSS JOIN LATERAL (
             SELECT ${outcome} FROM check_entry
              WHERE check_entry.website_id = asked.website_id AND "timestamp" < asked.oldest
                AND "timestamp" >= $3::timestamptz AND "timestamp" < $4::timestamptz AND ${counts}
              ORDER BY "timestamp" DESC, check_entry_id DESC LIMIT $5) AS entry`,
    values: [...arrays(asked), from, until(), limit],
  }
}

/** Which entries to go on behind. */
export type Behind = ReadonlyMap<string, { readonly timeMs: number; readonly id: string }>

/** The next entries of each website in their order: rows of `OfWebsite & StoredOutcome`. */
export function nextEntries(behind: Behind, limit: number): Statement {
  const [websiteIds, times, ids] = [new BinaryArray('uuid'), new BinaryArray('timestamptz'), new BinaryArray('uuid')]
  for (const [websiteId, { timeMs, id }] of behind) {
    websiteIds.uuid(websiteId)
    times.timestamptz(timeMs)
    ids.uuid(id)
  }
  const from = new Date(Math.min(...[...behind.values()].map(({ timeMs }) => timeMs))).toISOString()
  return {
    text: `
      SELECT ${asOutcome}
        FROM unnest($1::uuid[], $2::timestamptz[], $3::uuid[]) AS asked (website_id, oldest, id)
       CROSS JOIN LATERAL (
             SELECT ${outcome} FROM check_entry
              WHERE check_entry.website_id = asked.website_id
                AND ("timestamp", check_entry_id) > (asked.oldest, asked.id)
                AND "timestamp" >= $4::timestamptz AND "timestamp" < $5::timestamptz AND ${counts}
              ORDER BY "timestamp", check_entry_id LIMIT $6) AS entry`,
    values: [websiteIds.finish(), times.finish(), ids.finish(), from, until(), limit],
  }
}

/** The incidents of each website from its time on, and the one before: rows of `OfWebsite & StoredIncident`. */
export function knownIncidents(asked: Asked): Statement {
  const columns = 'incident_id, started, check_entry_id, ended, cause, detail, announced, closed'
  return {
    text: `
      SELECT website_id AS "websiteId", incident_id AS "incidentId", ${msOf('started')} AS "startedMs",
             check_entry_id AS "firstId", ${msOf('ended')} AS "endedMs", cause, detail,
             announced, closed IS NOT NULL AS closed
        FROM unnest($1::uuid[], $2::timestamptz[]) AS asked (website_id, oldest)
       CROSS JOIN LATERAL (
             (SELECT ${columns} FROM incident
               WHERE incident.website_id = asked.website_id AND NOT retracted AND started < asked.oldest
               ORDER BY started DESC LIMIT 1)
             UNION ALL
             SELECT ${columns} FROM incident
              WHERE incident.website_id = asked.website_id AND NOT retracted AND started >= asked.oldest) AS incident
       ORDER BY started`,
    values: arrays(asked),
  }
}

/**
 * The websites for which there can be something to decide: those of which a check failed, or an incident was open at any
 * time from the oldest entry on. Rows of `OfWebsite`.
 *
 * In a statement of its own, after the websites are locked: what was decided while this one waited is to be seen.
 *
 * @param websiteIds an array of uuid, as a binary parameter
 * @param oldestMs the time of the oldest entry, in ms of the Unix epoch
 */
export function websitesToDecide(websiteIds: Buffer, oldestMs: number, failed: Iterable<string>): Statement {
  const failedIds = new BinaryArray('uuid')
  for (const websiteId of failed) failedIds.uuid(websiteId)
  return {
    text: `
      SELECT website_id AS "websiteId"
        FROM (SELECT unnest($1::uuid[])
              UNION
              SELECT website_id FROM incident
               WHERE (ended IS NULL OR ended >= $2::timestamptz) AND NOT retracted AND website_id = ANY ($3::uuid[])
             ) AS asked (website_id)
        JOIN website USING (website_id) WHERE enabled`,
    values: [failedIds.finish(), new Date(oldestMs).toISOString(), websiteIds],
  }
}

function arrays(asked: Asked): [Buffer, Buffer] {
  const [websiteIds, times] = [new BinaryArray('uuid'), new BinaryArray('timestamptz')]
  for (const [websiteId, { oldestMs }] of asked) {
    websiteIds.uuid(websiteId)
    times.timestamptz(oldestMs)
  }
  return [websiteIds.finish(), times.finish()]
}

function oldestOf(asked: Asked): number {
  let oldest = Date.now()
  for (const { oldestMs } of asked.values()) oldest = Math.min(oldest, oldestMs)
  return oldest
}

function until(): string {
  return new Date(Date.now() + newestAheadMs).toISOString()
}
