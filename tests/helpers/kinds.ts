import type { WebsiteStatus } from '../../src/website.ts'

/** A kind of website, and what is to come of a check of it. */
export interface Kind {
  readonly name: string
  /** On the local web server; or a whole URL. */
  readonly path: string
  readonly regex: string
  readonly httpStatus: number
  readonly match: boolean
  readonly error: string | null
  readonly status: WebsiteStatus
}

function good(name: string, path: string, regex: string, httpStatus = 200): Kind {
  return { name, path, regex, httpStatus, match: true, error: null, status: 'active' }
}

function bad(name: string, path: string, regex: string, httpStatus: number, error: string | null, match = false): Kind {
  return { name, path, regex, httpStatus, match, error, status: 'unavailable' }
}

/** To be checked with a deadline of 1 or 2 s. */
export const kinds: readonly Kind[] = [
  good('matching', '/hello', 'Hello \\w+'),
  bad('not matching', '/hello', 'Goodbye', 200, null),
  good('without a regex', '/hello', ''),
  bad('not found', '/status/404', 'status', 404, null, true),
  bad('server error', '/status/500', '', 500, null, true),
  good('redirected', '/redirect', 'Hello'),
  bad('redirected in a circle', '/loop', 'Hello', 302, 'redirects'),
  good('slow', '/slow', 'Hello'),
  good('slow in its body', '/slow-body', 'world'),
  bad('refused', 'http://127.0.0.1:CLOSED/', '', 0, 'refused'),
  bad('unknown host', 'http://no-such-host.invalid/', '', 0, 'dns'),
  good('latin-1', '/latin1', 'caf\\w$'),
  good('compressed', '/gzip', '^Hello'),
  bad('truncated', '/truncated', 'Hello', 200, 'aborted'),
  bad('hanging', '/hang', '', 0, 'timeout'),
  bad('of no URL', 'ftp://127.0.0.1/', '', 0, 'invalid_url'),
  bad('with a bad regex', '/hello', '(unclosed', 200, 'regex'),
]
