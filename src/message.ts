/** The message between producer and consumer: JSON from webmon, YAML from the original. */
import { isUtf8 } from 'node:buffer'
import { FAILSAFE_SCHEMA, load } from 'js-yaml'
import { v5 as uuidv5 } from 'uuid'
import type { Certificate, CheckEntry } from './checkEntry.ts'

/** A record of the topic, as it is delivered. */
export interface TopicRecord {
  readonly topic: string
  readonly partition: number
  readonly offset: bigint
  /** CreateTime, milliseconds of the Unix epoch. */
  readonly timestampMs: number
  readonly key: Buffer | null
  readonly value: Buffer | null
}

/** A message that can never become a row of `check_entry`, kept with its reason as a row of `dead_letter`. */
export interface DeadLetter {
  readonly record: TopicRecord
  readonly reason: string
}

/** Its message is a dead letter's `reason`. */
export class DecodeError extends Error {}

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
  const httpStatus = wholeNumber(fields, 'http_status', largestSmallint)
  const regexMatch = truth(fields, 'regex_match')
  const error = optional(fields, 'error', shortText, 40)
  return {
    id: id ?? uuidv5(`${record.topic}/${record.partition}/${record.offset}/${record.timestampMs}`, recordNamespace),
    websiteId: uuid(required(fields, 'website_id')) ?? refuse('website_id', 'is no UUID'),
    timestamp: entryTime(textOf(fields.timestamp), id, record, nowMs, oldestDays),
    responseTimeMs: wholeNumber(fields, 'response_time', largestInteger),
    httpStatus,
    regex: storable(required(fields, 'regex'), 'regex'),
    regexMatch,
    error,
    detail: optional(fields, 'detail', shortText, 300),
    available: optional(fields, 'available', truth) ?? wasAvailable(error, httpStatus, regexMatch),
    dnsTimeMs: optional(fields, 'dns_time', wholeNumber, largestInteger),
    connectTimeMs: optional(fields, 'connect_time', wholeNumber, largestInteger),
    tlsTimeMs: optional(fields, 'tls_time', wholeNumber, largestInteger),
    firstByteTimeMs: optional(fields, 'first_byte_time', wholeNumber, largestInteger),
    bodyTimeMs: optional(fields, 'body_time', wholeNumber, largestInteger),
    redirects: optional(fields, 'redirects', wholeNumber, largestSmallint),
    finalUrl: optional(fields, 'final_url', shortText, 2_000),
    recheck: optional(fields, 'recheck', truth) ?? false,
    intervalSeconds: optional(fields, 'interval', wholeNumber, longestIntervalSeconds),
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
          yield { record, reason: error.message }
        }
      }
    },
  }
}

/** Reads records into two lists. */
export function decodeAll(
  records: Iterable<TopicRecord>,
  oldestDays?: number,
): { entries: CheckEntry[]; deadLetters: DeadLetter[] } {
  const all = [...decoded(records, oldestDays)]
  return {
    entries: all.flatMap((one) => ('entry' in one ? [one.entry] : [])),
    deadLetters: all.filter((one) => 'reason' in one),
  }
}

/** As the parser gave them. Scalars of JSON are numbers and booleans, too; of YAML, text. */
type Fields = Readonly<Record<string, unknown>>

/** All scalars of YAML as text: what YAML 1.2 would make of the original's `regex: 1e3` (a number) is not meant. */
function readFields(value: Buffer | null): Fields {
  if (value === null || value.length === 0) throw new DecodeError('the message is empty')
  if (!isUtf8(value)) throw new DecodeError('the message is not UTF-8')
  // A TextDecoder for each message costs as much as all the rest.
  const hasByteOrderMark = value[0] === 0xef && value[1] === 0xbb && value[2] === 0xbf
  const text = value.toString('utf8', hasByteOrderMark ? 3 : 0)
  let document: unknown
  try {
    document = text.trimStart().startsWith('{') ? parseJson(text) : load(text, { schema: FAILSAFE_SCHEMA })
  } catch (error) {
    const reason = (error as Error).message.split('\n')[0]?.slice(0, 200) ?? ''
    throw new DecodeError(`neither JSON nor YAML: ${asciiOf(reason)}`)
  }
  if (typeof document !== 'object' || document === null || Array.isArray(document)) {
    throw new DecodeError('the message is not an object with fields')
  }
  return document as Fields
}

/** It quotes the message, and a database that is not UTF-8 would refuse the dead letter. */
function asciiOf(reason: string): string {
  return reason.replace(/[^\x20-\x7e]/g, '?')
}

/** An object that is no JSON may still be YAML's flow style. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return load(text, { schema: FAILSAFE_SCHEMA })
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
  if (!(days <= newestDays)) throw new DecodeError('time: more than a day ahead')
  if (days < -oldestDays) throw new DecodeError(`time: more than ${oldestDays} days ago`)
  return new Date(timeMs)
}

/** A date and a time with its zone, in ms; else NaN. */
function timeNamed(text: string): number {
  const ms = timeOfOurs(text)
  return Number.isNaN(ms) && /T.*(Z|[+-]\d\d:\d\d)$/.test(text) ? Date.parse(text) : ms
}

/** Of 2026-11-24T12:00:00.000Z, in a fifth of the time of Date.parse; NaN: of another form, or no such time. */
function timeOfOurs(text: string): number {
  if (text.length !== 24 || text[10] !== 'T' || text[19] !== '.' || text[23] !== 'Z') return Number.NaN
  if (text[4] !== '-' || text[7] !== '-' || text[13] !== ':' || text[16] !== ':') return Number.NaN
  const year = digits(text, 0, 4)
  const month = digits(text, 5, 7)
  const day = digits(text, 8, 10)
  const hours = digits(text, 11, 13)
  const minutes = digits(text, 14, 16)
  const seconds = digits(text, 17, 19)
  const isTime = hours <= 23 && minutes <= 59 && seconds <= 59
  if (!isTime || !(year >= 1970 && month >= 1 && month <= 12 && day >= 1 && day <= 31)) return Number.NaN
  return Date.UTC(year, month - 1, day, hours, minutes, seconds, digits(text, 20, 23))
}

/** The number that these characters are, or NaN. */
function digits(text: string, from: number, to: number): number {
  let number = 0
  for (let i = from; i < to; i++) {
    const digit = text.charCodeAt(i) - 48
    if (!(digit >= 0 && digit <= 9)) return Number.NaN
    number = number * 10 + digit
  }
  return number
}

/** The time of a version 1 UUID, in ms of the Unix epoch: 100 ns since 15 October 1582 (RFC 9562, 5.1). */
function timeInside(id: string | undefined): number | undefined {
  if (id?.[14] !== '1') return undefined
  const ticks = BigInt(`0x${id.slice(15, 18)}${id.slice(9, 13)}${id.slice(0, 8)}`)
  return Number(ticks / 10_000n - 12_219_292_800_000n)
}

/** In lower case; undefined: it is none. A regular expression takes three times as long. */
function uuid(text: string | undefined): string | undefined {
  if (text?.length !== 36) return undefined
  let hasCapitals = false
  for (let i = 0; i < 36; i++) {
    const code = text.charCodeAt(i)
    if (i === 8 || i === 13 || i === 18 || i === 23) {
      if (code !== 45) return undefined
    } else if (code >= 65 && code <= 70) hasCapitals = true
    else if (!((code >= 48 && code <= 57) || (code >= 97 && code <= 102))) return undefined
  }
  return hasCapitals ? text.toLowerCase() : text
}

/** A scalar as its text; anything else counts as missing. */
function textOf(field: unknown): string | undefined {
  if (typeof field === 'string') return field
  return typeof field === 'number' || typeof field === 'boolean' ? String(field) : undefined
}

function required(fields: Fields, name: string): string {
  return textOf(fields[name]) ?? refuse(name, 'is missing')
}

function wholeNumber(fields: Fields, name: string, maximum: number): number {
  const field = fields[name]
  if (typeof field === 'number' && Number.isInteger(field) && field >= 0 && field <= maximum) return field
  const text = required(fields, name)
  const number = /^[+-]?[\d.]+(e[+-]?\d+)?$/i.test(text) ? Math.round(Number(text)) : Number.NaN
  return number >= 0 && number <= maximum ? number : refuse(name, `is no number from 0 to ${maximum}`)
}

function truth(fields: Fields, name: string): boolean {
  const field = fields[name]
  if (typeof field === 'boolean') return field
  const text = required(fields, name).toLowerCase()
  if (['true', 'yes', 'on'].includes(text)) return true
  return ['false', 'no', 'off'].includes(text) ? false : refuse(name, 'is neither true nor false')
}

/** PostgreSQL's text can hold neither U+0000 nor half of a surrogate pair. */
function storable(text: string, name: string): string {
  return text.includes('\0') || !text.isWellFormed() ? refuse(name, 'holds a character that cannot be stored') : text
}

/** Cut to so many characters, and no character in half. */
function shortText(fields: Fields, name: string, longest: number): string {
  const text = storable(required(fields, name), name)
  return text.length > longest ? text.slice(0, longest).toWellFormed() : text
}

function optional<T>(
  fields: Fields,
  name: string,
  read: (fields: Fields, name: string, limit: number) => T,
  limit = 0,
): T | null {
  return textOf(fields[name]) === undefined ? null : read(fields, name, limit)
}

function certificateOf(fields: Fields): Certificate | null {
  const begins = certificateTime(textOf(fields.certificate_begins))
  const expires = certificateTime(textOf(fields.certificate_expires))
  if (begins === undefined || expires === undefined) return null
  return { begins, expires, issuer: optional(fields, 'certificate_issuer', shortText, 200) ?? '' }
}

/** X.509 has no years beyond 9999 (RFC 5280, 4.1.2.5), and PostgreSQL cannot hold all that a Date can. */
function certificateTime(text: string | undefined): Date | undefined {
  if (text === undefined) return undefined
  const ms = timeOfOurs(text)
  const time = new Date(Number.isNaN(ms) ? text : ms)
  const year = time.getUTCFullYear()
  return year >= 0 && year <= 9999 ? time : undefined
}

/** What the original, and messages from before there was the field, mean by it. */
function wasAvailable(error: string | null, httpStatus: number, regexMatch: boolean): boolean {
  return error === null && httpStatus >= 100 && httpStatus < 400 && regexMatch
}

function refuse(name: string, what: string): never {
  throw new DecodeError(`${name} ${what}`)
}
