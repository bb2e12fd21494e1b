import { charsetOf, decodeBody } from '../check/charset.ts'
import type { CheckObserver } from '../check/checker.ts'
import { plainText } from '../check/failure.ts'
import { placeOf } from '../check/regex/place.ts'
import type { CheckEntry } from '../checkEntry.ts'
import { shownUrl } from '../shownUrl.ts'
import type { Website } from '../website.ts'

const dayMs = 86_400_000
const shownAround = 30
const mostOfMatch = 100

/** What a check saw, for whoever asked for it. */
export class Seen implements CheckObserver {
  readonly #responses: { url: string; http_status: number }[] = []
  #page: { body: Buffer; contentType: string | undefined } | undefined

  onResponse(url: URL, httpStatus: number): void {
    this.#responses.push({ url: shownUrl(url), http_status: httpStatus })
  }

  onPage(body: Buffer, contentType: string | undefined): void {
    this.#page = { body, contentType }
  }

  /** With the names of columns, where there is one. */
  json(website: Website, entry: CheckEntry) {
    const { certificate } = entry
    return {
      url: shownUrl(website.url),
      available: entry.available,
      http_status: entry.httpStatus,
      error: entry.error,
      detail: entry.detail,
      response_time: entry.responseTimeMs,
      dns_time: entry.dnsTimeMs,
      connect_time: entry.connectTimeMs,
      tls_time: entry.tlsTimeMs,
      first_byte_time: entry.firstByteTimeMs,
      body_time: entry.bodyTimeMs,
      responses: this.#responses,
      redirects: entry.redirects ?? 0,
      final_url: entry.finalUrl,
      certificate: certificate && {
        issuer: certificate.issuer,
        begins: certificate.begins,
        expires: certificate.expires,
        days_left: Math.floor((certificate.expires.getTime() - entry.timestamp.getTime()) / dayMs),
      },
      page: this.#page
        ? { bytes: this.#page.body.length, charset: charsetOf(this.#page.body, this.#page.contentType) }
        : null,
      regex: website.regex,
      regex_match: entry.regexMatch,
      match: this.#match(website, entry),
    }
  }

  text(website: Website, entry: CheckEntry): string {
    const { certificate, page, match, responses, ...seen } = this.json(website, entry)
    const times = { DNS: seen.dns_time, connect: seen.connect_time, TLS: seen.tls_time }
    const rest = { 'first byte': seen.first_byte_time, body: seen.body_time }
    const phases = Object.entries({ ...times, ...rest }).filter(([, ms]) => ms !== null)
    const way = responses.map(({ url, http_status }) => `${http_status} ${url}`)
    const lines: [string, string | false | null | undefined][] = [
      [seen.available ? 'available' : 'not available', seen.url],
      ['error', seen.error && `${seen.error}: ${seen.detail}`],
      ['status', seen.http_status === 0 ? 'no HTTP response' : `${seen.http_status}`],
      ['response time', `${seen.response_time} ms`],
      ['phases', phases.map(([name, ms]) => `${name} ${ms} ms`).join(', ')],
      ['redirects', seen.redirects > 0 && way.join('\n')],
      ['certificate', certificate && describeCertificate(certificate)],
      ['page', page && `${page.bytes} bytes, read as ${page.charset}`],
      ['regex', website.regex !== '' && page && describeMatch(match)],
    ]
    return lines
      .filter((line): line is [string, string] => Boolean(line[1]))
      .map(([name, text]) => `${name.padEnd(15)}${text.replaceAll('\n', `\n${' '.repeat(15)}`)}`)
      .join('\n')
  }

  /** Counted in characters, as Python counts. */
  #match({ regex }: Website, { regexMatch }: CheckEntry) {
    if (regex === '' || !regexMatch || this.#page === undefined) return null
    const text = decodeBody(this.#page.body, this.#page.contentType)
    const place = placeOf(regex, text)
    if (place === undefined) return null
    const { from, to } = place
    const length = (part: string) => [...part].length
    return {
      offset: length(text.slice(0, from)),
      length: length(text.slice(from, to)),
      before: plain(text.slice(Math.max(0, from - shownAround), from)),
      text: plain(text.slice(from, Math.min(to, from + mostOfMatch))),
      after: plain(text.slice(to, to + shownAround)),
    }
  }
}

type Match = NonNullable<ReturnType<Seen['json']>['match']>
type ShownCertificate = NonNullable<ReturnType<Seen['json']>['certificate']>

/** A page may hold what a terminal takes for a command. */
function plain(text: string): string {
  const edge = (side: RegExp) => (side.test(text) ? ' ' : '')
  const inner = plainText(text, text.length)
  return inner === '' ? edge(/./s) : `${edge(/^\s/)}${inner}${edge(/\s$/)}`
}

function describeMatch(match: Match | null): string {
  if (match === null) return 'not found'
  return `found at character ${match.offset}: ${match.before}[${match.text}]${match.after}`
}

function describeCertificate({ issuer, begins, expires, days_left }: ShownCertificate): string {
  const day = (date: Date) => date.toISOString().slice(0, 10)
  const left = days_left < 0 ? 'it has ended' : `${days_left} days left`
  return `of ${issuer}, ${day(begins)} to ${day(expires)}: ${left}`
}
