/** The message between producer and consumer: JSON from webmon, YAML from the original. */
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
/** Entries outside of this are dead letters, so that no nonsense time makes a partition of its own. */
const oldestDays = 400
const newestDays = 1

/** Namespace of the ids of messages that come without a usable one: UUIDv5 of the DNS name webmon.invalid. */
const recordNamespace = '3fa7cf84-2386-5d83-ae78-cea71e93110b'

/**
 * One JSON object, which the original's consumer can read as YAML: its parser refuses U+007F to U+009F, U+FFFE and
 * U+FFFF unless they are escaped (which JSON.stringify does not do), takes U+2028 and U+2029 for line breaks and drops
 * the spaces before them, and refuses escaped characters beyond the BMP.
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
    error: entry.error,
    detail: entry.detail,
    available: entry.available,
    dns_time: entry.dnsTimeMs,
    connect_time: entry.connectTimeMs,
    tls_time: entry.tlsTimeMs,
    first_byte_time: entry.firstByteTimeMs,
    body_time: entry.bodyTimeMs,
    redirects: entry.redirects,
    final_url: entry.finalUrl,
    recheck: entry.recheck,
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
 * @throws {DecodeError} when it can never become a row
 */
export function decode(record: TopicRecord, nowMs = Date.now()): CheckEntry {
  const fields = readFields(record.value)
  const id = uuid(fields.get('id'))
  const entry = {
    id: id ?? uuidv5(`${record.topic}/${record.partition}/${record.offset}/${record.timestampMs}`, recordNamespace),
    websiteId: uuid(required(fields, 'website_id')) ?? refuse('website_id', 'is no UUID'),
    timestamp: entryTime(fields.get('timestamp'), id, record, nowMs),
    responseTimeMs: wholeNumber(fields, 'response_time'),
    httpStatus: wholeNumber(fields, 'http_status', largestSmallint),
    regex: storable(required(fields, 'regex'), 'regex'),
    regexMatch: truth(fields, 'regex_match'),
    error: optional(fields, 'error', (name) => cut(fields, name, 40)),
    detail: optional(fields, 'detail', (name) => cut(fields, name, 300)),
    dnsTimeMs: optional(fields, 'dns_time', (name) => wholeNumber(fields, name)),
    connectTimeMs: optional(fields, 'connect_time', (name) => wholeNumber(fields, name)),
    tlsTimeMs: optional(fields, 'tls_time', (name) => wholeNumber(fields, name)),
    firstByteTimeMs: optional(fields, 'first_byte_time', (name) => wholeNumber(fields, name)),
    bodyTimeMs: optional(fields, 'body_time', (name) => wholeNumber(fields, name)),
    redirects: optional(fields, 'redirects', (name) => wholeNumber(fields, name, largestSmallint)),
    finalUrl: optional(fields, 'final_url', (name) => cut(fields, name, 2_000)),
    recheck: optional(fields, 'recheck', (name) => truth(fields, name)) ?? false,
    certificate: certificateOf(fields),
  }
  return { ...entry, available: optional(fields, 'available', (name) => truth(fields, name)) ?? wasAvailable(entry) }
}

/** Reads a chunk: what became of each record, one or the other. */
export function decodeAll(records: readonly TopicRecord[]): { entries: CheckEntry[]; deadLetters: DeadLetter[] } {
  const entries: CheckEntry[] = []
  const deadLetters: DeadLetter[] = []
  const nowMs = Date.now()
  for (const record of records) {
    try {
      entries.push(decode(record, nowMs))
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      deadLetters.push({ record, reason: error.message })
    }
  }
  return { entries, deadLetters }
}

type Fields = ReadonlyMap<string, string>

/** All scalars as text: what YAML 1.2 would make of the original's `regex: 1e3` (a number) is not what was meant. */
function readFields(value: Buffer | null): Fields {
  if (value === null || value.length === 0) throw new DecodeError('the message is empty')
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(value)
  } catch {
    throw new DecodeError('the message is not UTF-8')
  }
  let document: unknown
  try {
    document = text.trimStart().startsWith('{') ? parseJson(text) : load(text, { schema: FAILSAFE_SCHEMA })
  } catch (error) {
    throw new DecodeError(`neither JSON nor YAML: ${(error as Error).message.split('\n')[0]?.slice(0, 200)}`)
  }
  if (typeof document !== 'object' || document === null || Array.isArray(document)) {
    throw new DecodeError('the message is not an object with fields')
  }
  const fields = new Map<string, string>()
  for (const [name, field] of Object.entries(document)) {
    if (['string', 'number', 'boolean'].includes(typeof field)) fields.set(name, String(field))
  }
  return fields
}

/** An object that is no JSON may still be YAML's flow style. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return load(text, { schema: FAILSAFE_SCHEMA })
  }
}

function entryTime(field: string | undefined, id: string | undefined, record: TopicRecord, nowMs: number): Date {
  const named = field !== undefined && /T.*(Z|[+-]\d\d:\d\d)$/.test(field) ? Date.parse(field) : Number.NaN
  const timeMs = Number.isNaN(named) ? (timeInside(id) ?? record.timestampMs) : named
  const days = (timeMs - nowMs) / dayMs
  if (!(days <= newestDays)) throw new DecodeError('time: more than a day ahead')
  if (days < -oldestDays) throw new DecodeError(`time: more than ${oldestDays} days ago`)
  return new Date(timeMs)
}

/** The time of a version 1 UUID, in ms of the Unix epoch: 100 ns since 15 October 1582 (RFC 9562, 5.1). */
function timeInside(id: string | undefined): number | undefined {
  if (id?.[14] !== '1') return undefined
  const ticks = BigInt(`0x${id.slice(15, 18)}${id.slice(9, 13)}${id.slice(0, 8)}`)
  return Number(ticks / 10_000n - 12_219_292_800_000n)
}

function uuid(text: string | undefined): string | undefined {
  return text && /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i.test(text) ? text.toLowerCase() : undefined
}

function required(fields: Fields, name: string): string {
  return fields.get(name) ?? refuse(name, 'is missing')
}

function wholeNumber(fields: Fields, name: string, maximum = largestInteger): number {
  const text = required(fields, name)
  const number = /^[+-]?[\d.]+(e[+-]?\d+)?$/i.test(text) ? Math.round(Number(text)) : Number.NaN
  return number >= 0 && number <= maximum ? number : refuse(name, `is no number from 0 to ${maximum}`)
}

function truth(fields: Fields, name: string): boolean {
  const text = required(fields, name).toLowerCase()
  if (['true', 'yes', 'on'].includes(text)) return true
  return ['false', 'no', 'off'].includes(text) ? false : refuse(name, 'is neither true nor false')
}

/** PostgreSQL's text can hold neither U+0000 nor half of a surrogate pair. */
function storable(text: string, name: string): string {
  return text.includes('\0') || !text.isWellFormed() ? refuse(name, 'holds a character that cannot be stored') : text
}

/** A cut may go through a surrogate pair. */
function cut(fields: Fields, name: string, length: number): string {
  return storable(required(fields, name), name).slice(0, length).toWellFormed()
}

function optional<T>(fields: Fields, name: string, read: (name: string) => T): T | null {
  return fields.has(name) ? read(name) : null
}

function certificateOf(fields: Fields): Certificate | null {
  const [begins, expires] = ['certificate_begins', 'certificate_expires'].map(
    (name) => new Date(fields.get(name) ?? ''),
  )
  if (!begins || !expires || Number.isNaN(begins.getTime()) || Number.isNaN(expires.getTime())) return null
  return {
    begins,
    expires,
    issuer: storable(fields.get('certificate_issuer') ?? '', 'certificate_issuer').slice(0, 200),
  }
}

/** What the original, and messages from before there was the field, mean by it. */
function wasAvailable({
  error,
  httpStatus,
  regexMatch,
}: Pick<CheckEntry, 'error' | 'httpStatus' | 'regexMatch'>): boolean {
  return error === null && httpStatus >= 100 && httpStatus < 400 && regexMatch
}

function refuse(name: string, what: string): never {
  throw new DecodeError(`${name} ${what}`)
}
