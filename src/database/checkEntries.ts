import type { CheckEntry } from '../checkEntry.ts'
import { type ArrayType, BinaryArray } from './binaryArray.ts'
import type { Statement } from './database.ts'
import { addHours, hoursOf } from './rollups.ts'

/** The columns of `check_entry` with their types. */
const columns = {
  check_entry_id: 'uuid',
  website_id: 'uuid',
  timestamp: 'timestamptz',
  response_time: 'integer',
  http_status: 'smallint',
  regex: 'varchar',
  regex_match: 'boolean',
  error: 'varchar',
  detail: 'varchar',
  available: 'boolean',
  dns_time: 'integer',
  connect_time: 'integer',
  tls_time: 'integer',
  first_byte_time: 'integer',
  body_time: 'integer',
  redirects: 'smallint',
  final_url: 'varchar',
  recheck: 'boolean',
  suspect: 'boolean',
} as const satisfies Record<string, ArrayType>

const names = Object.keys(columns) as (keyof typeof columns)[]
const parameters = names.map((name, n) => `$${n + 1}::${columns[name]}[]`)
const [websiteIds, intervals, rolledUpFrom] = [1, 2, 3].map((n) => `$${names.length + n}`)

const insertAlone = `
    INSERT INTO check_entry (${names.map((name) => `"${name}"`).join(', ')})
    SELECT * FROM unnest(${parameters.join(', ')})
     ORDER BY 2, 3, 1`

/**
 * Entries in the order of the key, so that sessions side by side take its pages in the same order. Only those that were
 * not there before come out of `inserted`, and are counted. The interval is no column: it comes in by the website.
 *
 * Without ON CONFLICT an insert costs a fifth less of the whole statement, and nearly all chunks hold no duplicate.
 *
 * An entry whose hour is over makes its day stale. The clock is read when the transaction has got its number already:
 * the closing of days relies on that.
 */
const insertWith = (onConflict: string) => `
  WITH inserted AS (
    ${insertAlone}
    ${onConflict}
    RETURNING website_id, "timestamp", response_time, http_status, available, recheck
  ), hours AS (
    ${hoursOf(`inserted WHERE NOT recheck AND "timestamp" >= ${rolledUpFrom}::timestamptz`, 'count(*)')}
  ), covering AS (
    SELECT website_id, hour, checks, failures, checks * interval, responses, response_time_sum, response_time_min,
           response_time_max, histogram
      FROM hours JOIN unnest(${websiteIds}::uuid[], ${intervals}::integer[]) AS website (website_id, interval)
                   USING (website_id)
  ), rolled_up AS (
    ${addHours('covering')}
    RETURNING known.hour
  ), stale AS (
    INSERT INTO stale_day
    SELECT DISTINCT (hour AT TIME ZONE 'UTC')::date FROM rolled_up
     WHERE hour + interval '1 hour' <= clock_timestamp()
  )
  SELECT count(*)::integer AS inserted FROM inserted`
const insertNew = insertWith('')
const insertMissing = insertWith('ON CONFLICT (website_id, "timestamp", check_entry_id) DO NOTHING')

/** Entries on their way into the table: each that is not there yet is inserted, and counted in its website's hour. */
export class EntryRows {
  readonly #arrays = Object.fromEntries(names.map((name) => [name, new BinaryArray(columns[name])])) as {
    [Name in keyof typeof columns]: BinaryArray
  }
  readonly #intervals = new Map<string, number>()

  get length(): number {
    return this.#arrays.check_entry_id.length
  }

  /**
   * @param intervalSeconds what it covers
   * @returns false when it has to go elsewhere: an entry of its website, which is among these, covers another time
   */
  add(entry: CheckEntry, intervalSeconds: number): boolean {
    const interval = this.#intervals.get(entry.websiteId)
    if (interval === undefined) this.#intervals.set(entry.websiteId, intervalSeconds)
    else if (interval !== intervalSeconds) return false
    const arrays = this.#arrays
    arrays.check_entry_id.uuid(entry.id)
    arrays.website_id.uuid(entry.websiteId)
    arrays.timestamp.timestamptz(entry.timestamp.getTime())
    arrays.response_time.integer(entry.responseTimeMs)
    arrays.http_status.smallint(entry.httpStatus)
    arrays.regex.varchar(entry.regex)
    arrays.regex_match.boolean(entry.regexMatch)
    arrays.error.varchar(entry.error)
    arrays.detail.varchar(entry.detail)
    arrays.available.boolean(entry.available)
    arrays.dns_time.integer(entry.dnsTimeMs)
    arrays.connect_time.integer(entry.connectTimeMs)
    arrays.tls_time.integer(entry.tlsTimeMs)
    arrays.first_byte_time.integer(entry.firstByteTimeMs)
    arrays.body_time.integer(entry.bodyTimeMs)
    arrays.redirects.smallint(entry.redirects)
    arrays.final_url.varchar(entry.finalUrl)
    arrays.recheck.boolean(entry.recheck)
    arrays.suspect.boolean(entry.suspectSince !== null)
    return true
  }

  /**
   * @param rolledUpFromMs the rollups have no place for older ones; ms of the Unix epoch
   * @param mayBeThere what is stored already is passed over; otherwise it is a unique violation (23505)
   */
  insert(rolledUpFromMs: number, mayBeThere: boolean): Statement {
    const websiteIds = new BinaryArray('uuid')
    const intervals = new BinaryArray('integer')
    for (const [websiteId, interval] of this.#intervals) {
      websiteIds.uuid(websiteId)
      intervals.integer(interval)
    }
    const from = Number.isFinite(rolledUpFromMs) ? new Date(rolledUpFromMs).toISOString() : '-infinity'
    const rows = names.map((name) => this.#arrays[name].finish())
    return {
      text: mayBeThere ? insertMissing : insertNew,
      values: [...rows, websiteIds.finish(), intervals.finish(), from],
    }
  }

  /** The entries, which are not there yet, without their hours. */
  insertAlone(): Statement {
    return { text: insertAlone, values: names.map((name) => this.#arrays[name].finish()) }
  }
}
