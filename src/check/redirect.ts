import { Failure } from './failure.ts'
import { basic } from './userinfo.ts'

/** What a check asks for, hop by hop. */
export interface Target {
  /** Without userinfo: that is in `headers`. */
  readonly url: URL
  readonly method: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | undefined
}

/** As many as `requests` follows; the 31st is an error. */
export const maxRedirects = 30

/** They say something about a body, and go with it (RFC 9110, 15.4). */
const ofTheBody = /^(content-(encoding|language|location|type)|digest|last-modified)$/i

const redirectStatuses = new Set([301, 302, 303, 307, 308])

/** @param location the header as Node gives it; one that is empty leads nowhere, as in `requests` */
export function isRedirect(status: number, location: string | undefined): location is string {
  return redirectStatuses.has(status) && location !== undefined && location !== ''
}

/**
 * The next hop, as `requests` takes it: 303 and 302 become GET, 301 does for POST, and then the body is left behind
 * (RFC 9110, 15.4). To another host go neither credentials nor any header that was set for this website.
 *
 * @throws {Failure} redirects: to what is no http or https URL
 */
export function nextHop(
  from: Target,
  status: number,
  location: string,
  ownHeaders: Readonly<Record<string, string>>,
): Target {
  const reference = escapeBytes(location)
  const url = URL.canParse(reference, from.url.href) ? new URL(reference, from.url) : undefined
  if (url === undefined || !isWeb(url)) throw new Failure('redirects', 'Redirects: to what is no http or https address')
  const becomesGet =
    from.method !== 'HEAD' && (status === 302 || status === 303 || (status === 301 && from.method === 'POST'))
  const sameHost = url.host === from.url.host && !(from.url.protocol === 'https:' && url.protocol === 'http:')
  return withUserinfo({
    url,
    method: becomesGet ? 'GET' : from.method,
    headers: without(becomesGet ? ofTheBody : undefined, sameHost ? from.headers : ownHeaders),
    body: becomesGet ? undefined : from.body,
  })
}

/** A user and a password in a URL are sent as basic authentication, and shown nowhere. */
export function withUserinfo(target: Target): Target {
  const { username, password } = target.url
  if (username === '' && password === '') return target
  const url = new URL(target.url)
  url.username = ''
  url.password = ''
  return { ...target, url, headers: { ...target.headers, Authorization: basic(target.url) } }
}

/** Nothing can listen on port 0. */
export function isWeb(url: URL): boolean {
  return (url.protocol === 'http:' || url.protocol === 'https:') && url.hostname !== '' && url.port !== '0'
}

/** Node gives the bytes of a header as characters. UTF-8 or not, they are sent as they came, as browsers do. */
function escapeBytes(location: string): string {
  return location.replaceAll(/[\x80-\xff]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`)
}

function without(
  names: RegExp | undefined,
  headers: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  if (names === undefined) return headers
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !names.test(name)))
}
