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
  /** A status that is expected, the regex found, and no error. */
  readonly available: boolean
  /** Milliseconds of each phase of the last request; null: it was not reached. The first four add up to the response time. */
  readonly dnsTimeMs: number | null
  readonly connectTimeMs: number | null
  readonly tlsTimeMs: number | null
  readonly firstByteTimeMs: number | null
  readonly bodyTimeMs: number | null
  /** How many redirects were followed; null: none. */
  readonly redirects: number | null
  /** Where they ended, without userinfo and query; null: not redirected. */
  readonly finalUrl: string | null
  /** Beside the slots of its website: rollups and coverage leave it out. */
  readonly recheck: boolean
  /** Since when the monitor's own network was in doubt as this was made: then it is no part of an incident. Null: it was not. */
  readonly suspectSince: Date | null
  /** The interval of its website, in seconds: the time that this entry stands for. Null: not told. */
  readonly intervalSeconds: number | null
  /** Of the certificates that were shown, the one that ends first; null: no TLS. */
  readonly certificate: Certificate | null
}

/** The leaf certificate of a website. */
export interface Certificate {
  readonly begins: Date
  readonly expires: Date
  /** Organisation and common name. */
  readonly issuer: string
}

/**
 * Whether an entry is newer than another one of its website, by the times of both in ms and their ids. Of two of one time
 * the one with the greater id is the newer one: any rule does that all follow, the SQL of src/database as well.
 */
export function isNewer(timeMs: number, id: string, thanMs: number, thanId: string): boolean {
  return timeMs > thanMs || (timeMs === thanMs && id > thanId)
}

/** For the log: no URL and no header, which can be secrets. */
export function logFieldsOf({ websiteId, id, httpStatus, responseTimeMs, regexMatch, error, available }: CheckEntry) {
  return {
    website_id: websiteId,
    id,
    http_status: httpStatus,
    response_time: responseTimeMs,
    regex_match: regexMatch,
    error,
    available,
  }
}

/** What the website's status is after this entry. */
export function statusAfter({ available }: CheckEntry): Exclude<WebsiteStatus, 'unknown'> {
  return available ? 'active' : 'unavailable'
}
