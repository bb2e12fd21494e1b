import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { AddressFilter } from '../src/check/addressFilter.ts'
import { Checker } from '../src/check/checker.ts'
import { Resolver } from '../src/check/dns/resolver.ts'
import { type CheckEntry, statusAfter } from '../src/checkEntry.ts'
import { website } from './helpers/entries.ts'
import { startWebsites, type Websites } from './helpers/websites.ts'

let websites: Websites
beforeAll(async () => {
  websites = await startWebsites()
})
afterAll(() => websites.stop())

function checker(timeoutMs = 5_000): Checker {
  return new Checker({
    timeoutMs,
    maxBodyBytes: 1_000_000,
    userAgent: 'webmon/1.0',
    resolver: new Resolver(),
    filter: new AddressFilter([], []),
    proxyFor: () => undefined,
    search: async (pattern, text) => text.includes(pattern),
  })
}

async function visit(path: string, regex = '', timeoutMs?: number): Promise<CheckEntry> {
  const url = /^[a-z]*:|^$/.test(path) ? path : websites.url + path
  return (await checker(timeoutMs).check(website({ url, regex }))) as CheckEntry
}

describe('a website that answers', () => {
  it.each<[string, string, number, boolean, string]>([
    ['/hello', 'world', 200, true, 'active'],
    ['/hello', 'Goodbye', 200, false, 'unavailable'],
    ['/hello', '', 200, true, 'active'],
    ['/status/404', 'status 404', 404, true, 'unavailable'],
    ['/status/500', 'status 500', 500, true, 'unavailable'],
    ['/status/300', 'status 300', 300, true, 'active'],
    ['/status/399', 'status 399', 399, true, 'active'],
    ['/status/600', 'status 600', 600, true, 'unavailable'],
    ['/empty', 'x', 204, false, 'unavailable'],
    ['/redirect', 'Hello', 200, true, 'active'],
    ['/hops/30', 'Hello', 200, true, 'active'],
    ['/to-nowhere', 'Hello', 302, true, 'active'],
    ['/slow', 'Hello', 200, true, 'active'],
    ['/slow-body', 'Hello world', 200, true, 'active'],
    ['/gzip', 'Hello', 200, true, 'active'],
    ['/latin1', 'café', 200, true, 'active'],
    ['/utf8-no-type', 'café', 200, true, 'active'],
    ['/json', 'café', 200, true, 'active'],
    ['/hello#part', 'Hello', 200, true, 'active'],
    ['/echo?q=é ü', 'GET /echo?q=%C3%A9%20%C3%BC', 200, true, 'active'],
  ])('%s with %j: %i, match %s, %s', async (path, regex, httpStatus, regexMatch, status) => {
    const entry = await visit(path, regex)
    expect(entry).toMatchObject({ httpStatus, regexMatch, regex, error: null, detail: null })
    expect(statusAfter(entry)).toBe(status)
  })

  it('is asked with its user and password, and without a kept connection', async () => {
    const entry = await visit(`${websites.url.replace('//', '//ann:secret@')}/echo`, 'Basic YW5uOnNlY3JldA==')
    expect(entry.regexMatch).toBe(true)
    const [seen] = websites.log.slice(-1)
    expect(seen?.headers).toMatchObject({ 'user-agent': 'webmon/1.0', connection: 'close' })
  })

  it('is read up to the limit and no further', async () => {
    expect(await visit('/large', 'needle')).toMatchObject({ httpStatus: 200, regexMatch: false, error: null })
    expect(await visit('/large', 'xxx')).toMatchObject({ httpStatus: 200, regexMatch: true, error: null })
  })
})

describe('a website that does not answer well gets an entry all the same:', () => {
  it.each<[string, string, number, RegExp]>([
    ['http://no-such-host.invalid/', 'dns', 0, /^DNS: /],
    ['/closed', 'closed', 0, /^First byte: the server closed/],
    ['/reset', 'reset', 0, /^First byte: the connection was reset/],
    ['/garbage', 'protocol', 0, /^First byte: what came is not HTTP/],
    ['/truncated', 'aborted', 200, /^Body: the connection ended/],
    ['/bad-gzip', 'decode', 200, /^Body: not encoded/],
    ['/hops/31', 'redirects', 302, /^Redirects: more than 30/],
    ['/loop', 'redirects', 302, /^Redirects: more than 30/],
    ['/to-file', 'redirects', 302, /^Redirects: to what is no/],
    ['example:', 'invalid_url', 0, /^URL: expected/],
    ['ftp://127.0.0.1/', 'invalid_url', 0, /^URL: expected/],
    ['', 'invalid_url', 0, /^URL: expected/],
    ['http://', 'invalid_url', 0, /^URL: expected/],
  ])('%s is %s with status %i', async (path, error, httpStatus, detail) => {
    const entry = await visit(path)
    expect(entry).toMatchObject({ error, httpStatus, regexMatch: false })
    expect(entry.detail).toMatch(detail)
    expect(statusAfter(entry)).toBe('unavailable')
  })

  it('a port where nothing listens is refused', async () => {
    const entry = await visit(`http://127.0.0.1:${websites.closedPort}/`)
    expect(entry).toMatchObject({
      error: 'refused',
      httpStatus: 0,
      detail: `Connect: refused by 127.0.0.1:${websites.closedPort}`,
    })
  })

  it('one that never answers times out at the deadline', async () => {
    const entry = await visit('/hang', '', 300)
    expect(entry).toMatchObject({ error: 'timeout', httpStatus: 0, detail: 'First byte: no response within 0.3 s' })
    expect(entry.responseTimeMs).toBeGreaterThanOrEqual(299)
    expect(entry.responseTimeMs).toBeLessThan(800)
  })

  it('one whose body never ends times out with its status and its response time', async () => {
    const entry = await visit('/hang-body', 'Hello', 300)
    expect(entry).toMatchObject({
      error: 'timeout',
      httpStatus: 200,
      detail: 'Body: not complete after 0.3 s',
    })
    expect(entry.responseTimeMs).toBeLessThan(200)
  })

  it('a regex over 8 kB is refused', async () => {
    expect(await visit('/hello', 'a'.repeat(8_001))).toMatchObject({
      error: 'regex',
      detail: 'Regex: longer than 8000 bytes',
    })
  })
})

describe('the response time', () => {
  it('is that of the last request, to its headers', async () => {
    expect((await visit('/slow')).responseTimeMs).toBeGreaterThanOrEqual(399)
    expect((await visit('/slow-body')).responseTimeMs).toBeLessThan(200)
    expect((await visit('/redirect-slow')).responseTimeMs).toBeLessThan(200)
  })
})

it('a check that is given up has no entry', async () => {
  const one = checker()
  const given = one.check(website({ url: `${websites.url}/hang` }))
  setTimeout(() => one.abort(), 100)
  expect(await given).toBeUndefined()
})
