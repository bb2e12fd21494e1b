import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { AddressFilter } from '../src/check/addressFilter.ts'
import { Checker } from '../src/check/checker.ts'
import type { CheckEntry } from '../src/checkEntry.ts'
import type { Website } from '../src/website.ts'
import { website } from './helpers/entries.ts'

interface Seen {
  readonly host: string | undefined
  readonly method: string | undefined
  readonly path: string | undefined
  readonly headers: http.IncomingHttpHeaders
  readonly rawHeaders: readonly string[]
  readonly body: string
}

const seen: Seen[] = []
let server: http.Server
let port: number

beforeAll(async () => {
  server = http.createServer(async (request, response) => {
    const body = (await request.toArray()).join('')
    const { method, url, headers, rawHeaders } = request
    seen.push({ host: headers.host, method, path: url, headers, rawHeaders, body })
    answer(new URL(url ?? '/', 'http://any'), response)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  port = (server.address() as AddressInfo).port
})
afterAll(() => {
  server.close()
  server.closeAllConnections()
})
beforeEach(() => {
  seen.length = 0
})

/** `/?to=LOCATION&status=STATUS` redirects; `/status/401` says so. */
function answer({ pathname, searchParams }: URL, response: http.ServerResponse): void {
  const to = searchParams.get('to')
  if (to !== null) response.writeHead(Number(searchParams.get('status') ?? 302), { location: to })
  else response.writeHead(Number(/^\/status\/(\d+)$/.exec(pathname)?.[1] ?? 200))
  if (pathname === '/slow') response.flushHeaders()
  else response.end('Hello')
}

/** Every name is this machine. */
const resolver = { resolve: async () => [{ address: '127.0.0.1', family: 4 as const }] }

async function check(row: Partial<Website>, timeoutMs = 5_000): Promise<CheckEntry> {
  const checker = new Checker({
    timeoutMs,
    maxBodyBytes: 1_000_000,
    userAgent: 'webmon/1.0 (+https://webmon.example)',
    resolver,
    filter: new AddressFilter([{ address: '127.0.0.0', prefix: 8 }], []),
    proxyFor: () => undefined,
    search: async (pattern, text) => text.includes(pattern),
  })
  return (await checker.check(website({ url: `http://one.example:${port}/`, ...row }))) as CheckEntry
}

function redirectTo(url: string, status = 302): string {
  return `http://one.example:${port}/?to=${encodeURIComponent(url)}&status=${status}`
}

describe('a website has its own', () => {
  it.each(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])('method: %s', async (method) => {
    expect(await check({ method })).toMatchObject({ httpStatus: 200, error: null, available: true })
    expect(seen).toMatchObject([{ method, body: '' }])
  })

  it.each(['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])('body, with %s', async (method) => {
    const body = '{"question":"café?"}'
    expect(await check({ method, body })).toMatchObject({ httpStatus: 200, error: null })
    expect(seen).toMatchObject([{ method, body, headers: { 'content-length': String(Buffer.byteLength(body)) } }])
    expect(seen[0]?.headers['transfer-encoding']).toBeUndefined()
  })

  it.each(['', 'CONNECT', 'TRACE', 'GE T', 'GET\r\nX: y', 'FETCH'])('method, but not %j', async (method) => {
    expect(await check({ method })).toMatchObject({ error: 'invalid_request', httpStatus: 0, available: false })
    expect(seen).toEqual([])
  })

  it('headers, beside ours', async () => {
    const headers = { 'X-One': 'a b', 'x-two': 'é', Authorization: 'Bearer secret', Cookie: 'a=b; c=d' }
    await check({ headers })
    expect(seen[0]?.headers).toMatchObject({
      'x-one': 'a b',
      'x-two': 'é',
      authorization: 'Bearer secret',
      cookie: 'a=b; c=d',
      accept: '*/*',
      'user-agent': 'webmon/1.0 (+https://webmon.example)',
      connection: 'close',
    })
  })

  it.each<Record<string, string>>([
    { 'User-Agent': 'other', Accept: 'text/html', Host: 'other.example', 'Accept-Encoding': 'identity' },
    { 'user-agent': 'other', accept: 'text/html', host: 'other.example', 'accept-encoding': 'identity' },
  ])('headers, in place of ours: %o', async (headers) => {
    await check({ headers })
    for (const [name, value] of Object.entries(headers)) {
      const sent = seen[0]?.rawHeaders ?? []
      expect(sent.filter((_, index) => sent[index - 1]?.toLowerCase() === name.toLowerCase())).toEqual([value])
    }
  })

  it.each(['get', 'post', 'common', 'set', 'toJSON', 'constructor', '__proto__'])('header called %s', async (name) => {
    const headers = JSON.parse(`{"${name}":"x"}`) as Record<string, string>
    expect(await check({ headers })).toMatchObject({ httpStatus: 200, error: null })
    const sent = seen[0]?.rawHeaders ?? []
    expect(sent.slice(sent.indexOf(name)).slice(0, 2)).toEqual([name, 'x'])
  })

  it('content type, form data unless told otherwise', async () => {
    await check({ method: 'POST', body: '{}', headers: { 'content-type': 'application/json' } })
    await check({ method: 'POST', body: 'a=b' })
    expect(seen.map(({ headers }) => headers['content-type'])).toEqual([
      'application/json',
      'application/x-www-form-urlencoded',
    ])
  })

  it.each<[string, unknown]>([
    ['X Y', 'z'],
    ['', 'z'],
    ['X:Y', 'z'],
    ['X\r\nY', 'z'],
    ['é', 'z'],
    ['X-Lines', 'secret\r\nX-More: z'],
    ['X-Nul', 'secret\0'],
    ['X-Euro', 'secret €'],
    ['X-Number', 1],
    ['X-Null', null],
    ['X-List', ['secret']],
    ['X-Object', { secret: 'z' }],
    ['Content-Length', '5'],
    ['content-length', '5'],
    ['Transfer-Encoding', 'chunked'],
    ['Connection', 'keep-alive'],
    ['Upgrade', 'websocket'],
    ['Expect', '100-continue'],
    ['TE', 'trailers'],
    ['Trailer', 'X'],
  ])('headers, but not %j: %j', async (name, value) => {
    const entry = await check({ headers: { [name]: value } })
    expect(entry).toMatchObject({ error: 'invalid_request', httpStatus: 0 })
    expect(entry.detail).toMatch(/website\.headers/)
    expect(JSON.stringify(entry)).not.toContain('secret')
    expect(seen).toEqual([])
  })

  it.each<[string | null, number, boolean]>([
    [null, 200, true],
    [null, 399, true],
    [null, 400, false],
    ['401', 401, true],
    ['401', 200, false],
    ['200-299,401', 204, true],
    ['200-299,401', 401, true],
    ['200-299,401', 301, false],
    ['500-599', 503, true],
  ])('expected status: %s, and %i is available: %s', async (expectedStatus, status, available) => {
    const entry = await check({ url: `http://one.example:${port}/status/${status}`, expectedStatus })
    expect(entry).toMatchObject({ httpStatus: status, error: null, available })
  })

  it('way with redirects', async () => {
    const url = redirectTo('/found')
    expect(await check({ url })).toMatchObject({ httpStatus: 200, redirects: 1 })
    expect(await check({ url, followRedirects: true })).toMatchObject({ httpStatus: 200, redirects: 1 })
    const stayed = { httpStatus: 302, redirects: null, finalUrl: null, error: null, available: true, regexMatch: true }
    expect(await check({ url, followRedirects: false, regex: 'Hello' })).toMatchObject(stayed)
  })

  it('timeout', async () => {
    const startMs = performance.now()
    const entry = await check({ url: `http://one.example:${port}/slow`, timeout: 1 })
    expect(entry).toMatchObject({ error: 'timeout', detail: 'Body: not complete after 1 s' })
    expect(performance.now() - startMs).toBeLessThan(1_500)
  })
})

describe('a redirect', () => {
  const secrets = { 'X-Token': 'secret', Authorization: 'Bearer secret', Cookie: 'secret=1', 'User-Agent': 'secret' }

  it.each(['/found', `http://one.example:PORT/found`, `//one.example:PORT/found`])(
    'to the same host takes the headers of the website along: %s',
    async (to) => {
      await check({ url: redirectTo(to.replace('PORT', String(port))), headers: secrets })
      expect(seen).toHaveLength(2)
      expect(seen[1]?.headers).toMatchObject({
        'x-token': 'secret',
        authorization: 'Bearer secret',
        cookie: 'secret=1',
      })
    },
  )

  it.each(['two.example', 'sub.one.example', 'one.example.', '127.0.0.1'])(
    'to another host does not: %s',
    async (host) => {
      const entry = await check({ url: redirectTo(`http://${host}:${port}/found`), headers: secrets })
      expect(entry).toMatchObject({ httpStatus: 200, redirects: 1 })
      expect(JSON.stringify(seen[1])).not.toContain('secret')
      expect(seen[1]?.headers).toMatchObject({ accept: '*/*', 'user-agent': 'webmon/1.0 (+https://webmon.example)' })
    },
  )

  it('to another host and back does not', async () => {
    const back = redirectTo(`http://two.example:${port}/?to=${encodeURIComponent(`http://one.example:${port}/found`)}`)
    await check({ url: back, headers: secrets })
    expect(seen.map(({ host }) => host?.split(':')[0])).toEqual(['one.example', 'two.example', 'one.example'])
    expect(JSON.stringify(seen.slice(1))).not.toContain('secret')
  })

  it('takes the user and password of the URL to the same host alone', async () => {
    const withUser = (url: string) => url.replace('//', '//ann:secret@')
    await check({ url: withUser(redirectTo('/found')) })
    await check({ url: withUser(redirectTo(`http://two.example:${port}/found`)) })
    const authorization = `Basic ${Buffer.from('ann:secret').toString('base64')}`
    expect(seen.map(({ headers }) => headers.authorization)).toEqual([
      authorization,
      authorization,
      authorization,
      undefined,
    ])
  })

  it('that names a user sends it, and shows it nowhere', async () => {
    const entry = await check({ url: redirectTo(`http://bob:secret@two.example:${port}/found?token=secret`) })
    expect(seen[1]?.headers.authorization).toBe(`Basic ${Buffer.from('bob:secret').toString('base64')}`)
    expect(entry.finalUrl).toBe(`http://two.example:${port}/found`)
    expect(JSON.stringify(entry)).not.toMatch(/secret|bob/)
  })

  it.each<[number, string, string]>([
    [301, 'POST', 'GET'],
    [301, 'PUT', 'PUT'],
    [302, 'POST', 'GET'],
    [302, 'PUT', 'GET'],
    [303, 'PUT', 'GET'],
    [303, 'HEAD', 'HEAD'],
    [307, 'POST', 'POST'],
    [308, 'POST', 'POST'],
  ])('with %i makes of %s a %s', async (status, method, then) => {
    const headers = { 'Content-Type': 'text/plain' }
    await check({ url: redirectTo('/found', status), method, headers, body: method === 'HEAD' ? null : 'question' })
    const kept = method === then && method !== 'HEAD'
    expect(seen[1]).toMatchObject({ method: then, body: kept ? 'question' : '' })
    if (method !== 'HEAD') expect(seen[1]?.headers['content-type']).toBe(kept ? 'text/plain' : undefined)
  })
})

describe('the user and password of a URL', () => {
  it.each([
    ['ann:secret', 'ann:secret'],
    ['ann', 'ann:'],
    [':secret', ':secret'],
    ['a%40b:s%3Aecret', 'a@b:s:ecret'],
    ['%zz:secret', '%zz:secret'],
    ['caf%C3%A9:secret', 'café:secret'],
  ])('%s are sent as basic authentication, and shown nowhere', async (userinfo, sent) => {
    const entry = await check({ url: `http://${userinfo}@one.example:${port}/` })
    expect(seen[0]?.headers.authorization).toBe(`Basic ${Buffer.from(sent).toString('base64')}`)
    expect(JSON.stringify(entry)).not.toContain('secret')
  })

  it.each([
    'ftp://ann:secret@one.example/',
    'http://ann:secret@:80/',
    'ann:secret@one.example',
    'http://ann:secret@a b/',
  ])('%s are shown nowhere when the URL cannot be used', async (url) => {
    const entry = await check({ url })
    expect(entry).toMatchObject({ error: 'invalid_url', httpStatus: 0 })
    expect(JSON.stringify(entry)).not.toMatch(/secret|ann/)
  })
})

it('a search that does not end is given up at the deadline, and says so', async () => {
  const checker = new Checker({
    timeoutMs: 300,
    maxBodyBytes: 1_000_000,
    userAgent: 'webmon/1.0',
    resolver,
    filter: new AddressFilter([], []),
    proxyFor: () => undefined,
    search: () => new Promise(() => undefined),
  })
  const entry = await checker.check(website({ url: `http://one.example:${port}/`, regex: 'a+b' }))
  expect(entry).toMatchObject({ error: 'timeout', httpStatus: 200, detail: 'Regex: no result within 0.3 s' })
  expect(entry?.bodyTimeMs).toBeLessThan(200)
})
