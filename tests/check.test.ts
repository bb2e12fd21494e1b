import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { check } from '../src/check/check.ts'
import { type CheckEntry, statusAfter } from '../src/checkEntry.ts'
import type { Website } from '../src/website.ts'
import { startWebsites, type Websites } from './helpers/websites.ts'

let websites: Websites
beforeAll(async () => {
  websites = await startWebsites()
})
afterAll(() => websites.stop())

async function visit(path: string, regex = '', timeoutMs = 5_000): Promise<CheckEntry> {
  const url = /^[a-z]*:|^$/.test(path) ? path : websites.url + path
  const website: Website = {
    id: 'b3b1fa38-a32c-11eb-8d4f-163fd67fbf61',
    name: 'one',
    url,
    regex,
    interval: null,
    timeout: null,
  }
  const entry = await check(website, {
    timeoutMs,
    maxBodyBytes: 1_000_000,
    search: async (pattern, text) => text.includes(pattern),
    signal: new AbortController().signal,
  })
  return entry as CheckEntry
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
    ['/closed', 'closed', 0, /^Response: the server closed/],
    ['/reset', 'reset', 0, /^Connection: reset/],
    ['/garbage', 'protocol', 0, /^Response: not HTTP/],
    ['/truncated', 'aborted', 200, /^Body: the connection ended/],
    ['/bad-gzip', 'decode', 200, /^Body: not encoded/],
    ['/hops/31', 'redirects', 302, /^Redirects: more than 30/],
    ['/loop', 'redirects', 302, /^Redirects: more than 30/],
    ['/to-file', 'redirects', 302, /^Redirects: to an address/],
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
      detail: `Connect: refused (127.0.0.1:${websites.closedPort})`,
    })
  })

  it('one that never answers times out at the deadline', async () => {
    const entry = await visit('/hang', '', 300)
    expect(entry).toMatchObject({ error: 'timeout', httpStatus: 0, detail: 'Deadline: no response after 0.3 s' })
    expect(entry.responseTimeMs).toBeGreaterThanOrEqual(299)
    expect(entry.responseTimeMs).toBeLessThan(800)
  })

  it('one whose body never ends times out with its status and its response time', async () => {
    const entry = await visit('/hang-body', 'Hello', 300)
    expect(entry).toMatchObject({
      error: 'timeout',
      httpStatus: 200,
      detail: 'Deadline: the body was not complete after 0.3 s',
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
  const website: Website = {
    id: 'b3b1fa38-a32c-11eb-8d4f-163fd67fbf61',
    name: 'one',
    url: `${websites.url}/hang`,
    regex: '',
    interval: null,
    timeout: null,
  }
  const signal = AbortSignal.timeout(100)
  const search = async () => true
  expect(await check(website, { timeoutMs: 5_000, maxBodyBytes: 1000, search, signal })).toBeUndefined()
})
