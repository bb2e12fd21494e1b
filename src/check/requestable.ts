import http from 'node:http'
import { shownName } from '../shownName.ts'
import type { Website } from '../website.ts'
import { Failure } from './failure.ts'
import { isWeb } from './redirect.ts'

/** A longer pattern is refused, and its entry carries only the beginning: no message may become too large. */
const maxRegexBytes = 8_000
const shownOfLongRegex = 1_000
export const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const
/** Headers that say how the message is framed: what Node sets is what it sends. */
const framing = /^(content-length|transfer-encoding|connection|upgrade|expect|te|trailer)$/i

/**
 * What can be requested of a website.
 *
 * @throws {Failure} invalid_url, invalid_request or regex, before anything is sent
 */
export function requestable({ url, method, headers, regex }: Website): URL {
  const parsed = parse(url)
  if (parsed === undefined || !isWeb(parsed)) {
    throw new Failure('invalid_url', 'URL: expected http:// or https:// and a host')
  }
  if (isTooLong(regex)) throw new Failure('regex', `Regex: longer than ${maxRegexBytes} bytes`)
  if (method !== null && !methods.some((known) => known === method.toUpperCase())) {
    throw new Failure('invalid_request', `URL: website.method: ${JSON.stringify(method.slice(0, 20))} cannot be sent`)
  }
  for (const [name, value] of Object.entries(headers ?? {})) {
    try {
      http.validateHeaderName(name)
      http.validateHeaderValue(name, value as string)
    } catch {
      throw new Failure('invalid_request', `URL: website.headers: ${JSON.stringify(shownName(name))} cannot be sent`)
    }
    if (typeof value !== 'string' || framing.test(name)) {
      throw new Failure('invalid_request', `URL: website.headers: ${shownName(name)} may not be set, or is no text`)
    }
  }
  return parsed
}

/** Why a website cannot be checked as it is set, whatever it answers; undefined: it can. */
export function refusalOf(website: Website): string | undefined {
  try {
    requestable(website)
    return undefined
  } catch (error) {
    return (error as Failure).message
  }
}

/** URL.parse, which came with Node 22. */
function parse(url: string): URL | undefined {
  try {
    return new URL(url)
  } catch {
    return undefined
  }
}

/** The pattern as its entry carries it. */
export function shownRegex(regex: string): string {
  return isTooLong(regex) ? regex.slice(0, shownOfLongRegex).toWellFormed() : regex
}

/** Not left to axios, which loses those that are called as its own methods: `get`, `set`, `constructor`. */
export function withTheirs(ours: Record<string, string>, theirs: Website['headers']): Record<string, string> {
  if (theirs === null) return ours
  const replaced = new Set(Object.keys(theirs).map((name) => name.toLowerCase()))
  const kept = Object.entries(ours).filter(([name]) => !replaced.has(name.toLowerCase()))
  return Object.fromEntries([...kept, ...(Object.entries(theirs) as [string, string][])])
}

function isTooLong(regex: string): boolean {
  return regex.length * 3 > maxRegexBytes && Buffer.byteLength(regex) > maxRegexBytes
}
