import type { WebsiteStatus } from './website.ts'

/**
 * The result of one check: a Kafka message and a row of `check_entry`, made once, by the producer.
 * None of the original's seven fields is ever null, because its consumer drops such a message.
 */
export interface CheckEntry {
  /** UUIDv7 made with the entry: the database stores each id once, however often it is delivered. */
  readonly id: string
  readonly websiteId: string
  /** Start of the check. */
  readonly timestamp: Date
  /** Milliseconds from the start of the last request to its headers; without headers, what passed until the failure. */
  readonly responseTimeMs: number
  /** 0: no HTTP response came. */
  readonly httpStatus: number
  readonly regex: string
  readonly regexMatch: boolean
  /** A word of `checkErrors`, or of a newer producer's: why there was no complete HTTP response; null: there was. */
  readonly error: string | null
  /** One sentence for people, at most 300 characters, without secrets; null without an error. */
  readonly detail: string | null
}

/** What the website's status is after this entry: an HTTP status from 100 to 399, the regex found, and no error. */
export function statusAfter(entry: CheckEntry): Exclude<WebsiteStatus, 'unknown'> {
  const available = entry.error === null && entry.httpStatus >= 100 && entry.httpStatus < 400 && entry.regexMatch
  return available ? 'active' : 'unavailable'
}
