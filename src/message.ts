/** The message between producer and consumer: JSON from webmon, YAML from the original. */
import { v5 as uuidv5 } from 'uuid'
import type { Certificate, CheckEntry } from './checkEntry.ts'
import type { DeadLetter } from './deadLetter.ts'
import {
  DecodeError,
  type Fields,
  optional,
  readFields,
  refuse,
  required,
  shortText,
  storable,
  textOf,
  truth,
  uuid,
  wholeNumber,
} from './message/fields.ts'
import { timeInside, timeNamed, timeOfOurs } from './message/times.ts'
import type { TopicRecord } from './topicRecord.ts'

const dayMs = 86_400_000
const largestInteger = 2_147_483_647
const largestSmallint = 32_767
const longestIntervalSeconds = 86_400
/** Entries outside of this are dead letters, so that no nonsense time makes a partition of its own. */
export const oldestDaysWithoutRetention = 400
const newestDays = 1

/** Namespace of the ids of messages that come without a usable one: UUIDv5 of the DNS name webmon.invalid. */
const recordNamespace = '3fa7cf84-2386-5d83-ae78-cea71e93110b'

/**
 * One JSON object, which the original's consumer can read as YAML: its parser refuses U+007F to U+009F, U+FFFE and
 * U+FFFF unless they are escaped (which JSON.stringify does not do), takes U+2028 and U+2029 for line breaks and drops
 * the spaces before them, and refuses escaped characters beyond the BMP.
 * What is null or false of our own fields is left out: a sixth of the bytes, and of the time that reading takes.
 */
export function encode(entry: CheckEntry): string {
  const json = JSON.stringify({
    id: entry.id,
    website_id: entry.websiteId,
    timestamp: entry.timestamp.toISOString(),
    response_time: entry.responseTimeMs,
    http_status: entry.httpStatus,
    regex: entry.regex,
    regex_match: entry.regexMatch,
    error: entry.error ?? undefined,
    detail: entry.detail ?? undefined,
    available: entry.available,
    dns_time: entry.dnsTimeMs ?? undefined,
    connect_time: entry.connectTimeMs ?? undefined,
    tls_time: entry.tlsTimeMs ?? undefined,
    first_byte_time: entry.firstByteTimeMs ?? undefined,
    body_time: entry.bodyTimeMs ?? undefined,
    redirects: entry.redirects ?? undefined,
    final_url: entry.finalUrl ?? undefined,
    recheck: entry.recheck || undefined,
    suspect_since: entry.suspectSince ?? undefined,
    interval: entry.intervalSeconds ?? undefined,
    certificate_begins: entry.certificate?.begins,
    certificate_expires: entry.certificate?.expires,
    certificate_issuer: entry.certificate?.issuer,
  })
  // Looked for in what is not webmon's own, because in the whole message that takes 2 us.
  const foreign = `${entry.regex}${entry.error}${entry.detail}${entry.finalUrl}${entry.certificate?.issuer}`
  return foreign.search(unreadable) === -1 ? json : json.replaceAll(unreadable, escaped)
}

const unreadable = /[\x7f-\x9f\u2028\u2029\ufffe\uffff]/g

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
}

/**
 * Reads a message of ours or of the original.
 *
 * The time of an entry is its `timestamp` when that names a zone. The original's does not: then it is the time inside
 * the version 1 id (within 16 ms of the truth), else the record's own. An id that is missing or no UUID becomes a UUIDv5
 * of the record's place, the same at each delivery.
 *
 * @param oldestDays the retention: what is older is refused
 * @throws {DecodeError} when it can never become a row
 */
export function decode(
  record: TopicRecord,
  nowMs = Date.now(),
  oldestDays: number = oldestDaysWithoutRetention,
): CheckEntry {
  const fields = readFields(record.value)
  const id = uuid(textOf(fields.id))
  const httpStatus = wholeNumber(fields.http_status, 'http_status', largestSmallint)
  const regexMatch = truth(fields.regex_match, 'regex_match')
  const error = optional(fields.error, 'error', shortText, 40)
  return {
    id: id ?? uuidv5(`${record.topic}/${record.partition}/${record.offset}/${record.timestampMs}`, recordNamespace),
    websiteId: uuid(required(fields.website_id, 'website_id')) ?? refuse('website_id', 'is no UUID'),
    timestamp: entryTime(textOf(fields.timestamp), id, record, nowMs, oldestDays),
    responseTimeMs: wholeNumber(fields.response_time, 'response_time', largestInteger),
    httpStatus,
    regex: storable(required(fields.regex, 'regex'), 'regex'),
    regexMatch,
    error,
    detail: optional(fields.detail, 'detail', shortText, 300),
    available: optional(fields.available, 'available', truth) ?? wasAvailable(error, httpStatus, regexMatch),
    dnsTimeMs: optional(fields.dns_time, 'dns_time', wholeNumber, largestInteger),
    connectTimeMs: optional(fields.connect_time, 'connect_time', wholeNumber, largestInteger),
    tlsTimeMs: optional(fields.tls_time, 'tls_time', wholeNumber, largestInteger),
    firstByteTimeMs: optional(fields.first_byte_time, 'first_byte_time', wholeNumber, largestInteger),
    bodyTimeMs: optional(fields.body_time, 'body_time', wholeNumber, largestInteger),
    redirects: optional(fields.redirects, 'redirects', wholeNumber, largestSmallint),
    finalUrl: optional(fields.final_url, 'final_url', shortText, 2_000),
    recheck: optional(fields.recheck, 'recheck', truth) ?? false,
    suspectSince: timeIn(textOf(fields.suspect_since)) ?? null,
    intervalSeconds: optional(fields.interval, 'interval', wholeNumber, longestIntervalSeconds),
    certificate: certificateOf(fields),
  }
}

/** What became of a record: one or the other. */
export type Decoded = { readonly record: TopicRecord; readonly entry: CheckEntry } | DeadLetter

/**
 * Reads records, each time anew and to the same end: what is read once and not kept costs a third less than what the
 * garbage collector has to carry along until the database has answered.
 */
export function decoded(records: Iterable<TopicRecord>, oldestDays?: number): Iterable<Decoded> {
  const nowMs = Date.now()
  return {
    *[Symbol.iterator]() {
      for (const record of records) {
        try {
          yield { record, entry: decode(record, nowMs, oldestDays) }
        } catch (error) {
          if (!(error instanceof DecodeError)) throw error
          yield { record, kind: error.kind, reason: error.message }
        }
      }
    },
  }
}

function entryTime(
  field: string | undefined,
  id: string | undefined,
  record: TopicRecord,
  nowMs: number,
  oldestDays: number,
): Date {
  const named = field === undefined ? Number.NaN : timeNamed(field)
  const timeMs = Number.isNaN(named) ? (timeInside(id) ?? record.timestampMs) : named
  const days = (timeMs - nowMs) / dayMs
  if (!(days <= newestDays)) throw new DecodeError('time', 'time: more than a day ahead')
  if (days < -oldestDays) throw new DecodeError('time', `time: more than ${oldestDays} days ago`)
  return new Date(timeMs)
}

function certificateOf(fields: Fields): Certificate | null {
  const begins = timeIn(textOf(fields.certificate_begins))
  const expires = timeIn(textOf(fields.certificate_expires))
  if (begins === undefined || expires === undefined) return null
  return { begins, expires, issuer: optional(fields.certificate_issuer, 'certificate_issuer', shortText, 200) ?? '' }
}

/** X.509 has no years beyond 9999 (RFC 5280, 4.1.2.5), and PostgreSQL cannot hold all that a Date can. */
function timeIn(text: string | undefined): Date | undefined {
  if (text === undefined) return undefined
  const ms = timeOfOurs(text)
  if (!Number.isNaN(ms)) return new Date(ms)
  const time = new Date(text)
  const year = time.getUTCFullYear()
  return year >= 0 && year <= 9999 ? time : undefined
}

/** What the original, and messages from before there was the field, mean by it. */
function wasAvailable(error: string | null, httpStatus: number, regexMatch: boolean): boolean {
  return error === null && httpStatus >= 100 && httpStatus < 400 && regexMatch
}
