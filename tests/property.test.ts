import { once } from 'node:events'
import net, { type AddressInfo } from 'node:net'
import zlib from 'node:zlib'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { AddressFilter } from '../src/check/addressFilter.ts'
import { checkErrors } from '../src/check/checkError.ts'
import { Checker } from '../src/check/checker.ts'
import { literalAddress } from '../src/check/dns/address.ts'
import { RegexSearch } from '../src/check/regex/search.ts'
import type { CheckEntry } from '../src/checkEntry.ts'
import { decode, encode } from '../src/message.ts'
import type { Website } from '../src/website.ts'
import { website } from './helpers/entries.ts'

const timeoutMs = 250
const graceMs = 500
/** A part of the loopback network where nobody else listens, so that odd addresses and ports disturb nobody. */
const home = '127.77.0.1'

const search = new RegexSearch()
let server: net.Server
let port: number
let checker: Checker
/** What the server answers to the next requests, one each and then a page; and what it was asked. */
let answers: { bytes: Buffer; ending: 'end' | 'reset' | 'hold' }[] = []
let asked = ''

beforeAll(async () => {
  server = net.createServer((socket) => {
    socket.on('error', () => undefined)
    socket.on('data', (data) => {
      asked += data.toString('latin1')
      if (!asked.includes('\r\n\r\n')) return
      const { bytes, ending } = answers.shift() ?? { bytes: page, ending: 'end' }
      if (ending === 'end') socket.end(bytes)
      else socket.write(bytes, () => ending === 'reset' && socket.resetAndDestroy())
    })
  })
  server.listen(0, home)
  await once(server, 'listening')
  port = (server.address() as AddressInfo).port
  checker = new Checker({
    timeoutMs,
    maxBodyBytes: 10_000,
    userAgent: 'webmon/1.0',
    resolver: { resolve: async (host) => [literalAddress(host) ?? { address: home, family: 4 }] },
    filter: new AddressFilter([{ address: '127.77.0.0', prefix: 16 }], []),
    proxyFor: () => undefined,
    search: (pattern, text) => search.search(pattern, text),
  })
  await search.search('a+b', 'ab')
})
afterAll(async () => {
  server.close()
  await search.close()
})

const page = Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nHello')

/** One entry that makes sense, within the deadline, and that can become a row. */
async function check(row: Partial<Website>): Promise<CheckEntry> {
  asked = ''
  const startMs = performance.now()
  const entry = await checker.check(website({ url: `http://${home}:${port}/`, ...row }))
  expect(performance.now() - startMs).toBeLessThan(timeoutMs + graceMs)
  if (entry === undefined) throw new Error('there is no entry')
  if (entry.error !== null) expect(Object.keys(checkErrors)).toContain(entry.error)
  // That would be a mistake of ours.
  expect({ error: entry.error, detail: entry.detail }).not.toMatchObject({ error: 'internal' })
  expect(entry.detail === null).toBe(entry.error === null)
  if (entry.detail !== null) expect(entry.detail).toMatch(/^(DNS|Connect|TLS|First byte|Body|Redirects|Regex|URL): ./)
  if (entry.httpStatus === 0) expect(entry).toMatchObject({ error: expect.any(String), available: false })
  expect(stored(entry)).toEqual({ ...entry, detail: entry.detail?.slice(0, 300) ?? null })
  return entry
}

/** What comes out of the topic again. */
function stored(entry: CheckEntry): CheckEntry {
  const value = Buffer.from(encode(entry))
  return decode({ topic: 't', partition: 0, offset: 0n, timestampMs: Date.now(), key: null, value })
}

/** Each property for some seconds at most: they are many, and a slow machine is no mistake. */
const some = { numRuns: 300, interruptAfterTimeLimit: 3_500 }

const anyText = fc.oneof(fc.string(), fc.string({ unit: 'binary', maxLength: 300 }), fc.string({ unit: 'grapheme' }))
const bytes = fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array).toString('latin1'))

/** A text with some of its characters exchanged, left out or put in. */
function mutated(texts: fc.Arbitrary<string>): fc.Arbitrary<string> {
  const edit = fc.record({
    at: fc.nat(1_000),
    length: fc.nat(3),
    by: fc.oneof(
      fc.constantFrom('', ':', '/', '@', '[', ']', '%', '#', '?', '\\', ' ', '\t', '\0', '.', '0', '%00', '://'),
      anyText,
    ),
  })
  return fc.tuple(texts, fc.array(edit, { maxLength: 3 })).map(([text, edits]) =>
    edits.reduce((now, { at, length, by }) => {
      const start = at % (now.length + 1)
      return now.slice(0, start) + by + now.slice(start + length)
    }, text),
  )
}

function urls(): fc.Arbitrary<string> {
  const own = fc.constantFrom(
    `http://${home}:${port}/`,
    `https://${home}:${port}/path?query#part`,
    `http://ann:hunter2hunter2@name.example:${port}/a/../b;c?d=e&f`,
    `http://[::ffff:127.77.0.1]:${port}/`,
    `http://2135752705:${port}/`,
    `http://bücher.example:${port}/é?ü`,
  )
  return fc.oneof(mutated(own), mutated(fc.webUrl({ withQueryParameters: true, withFragments: true })), anyText)
}

describe('a check ends with one entry, whatever', () => {
  it('the URL is', async () => {
    await fc.assert(
      fc.asyncProperty(urls(), async (url) => {
        const entry = await check({ url })
        if (!url.includes('://')) expect(entry.httpStatus === 200 || entry.error !== null).toBe(true)
        const password = URL.canParse(url) ? new URL(url).password : ''
        if (password.length > 6) expect(JSON.stringify(entry)).not.toContain(password)
      }),
      some,
    )
  })

  it('the headers are', async () => {
    const token = fc.stringMatching(/^[A-Za-z!#$%&'*+.^_`|~-]{1,20}$/)
    const names = fc.oneof(
      token,
      token,
      anyText,
      fc.constantFrom('Host', 'cookie', 'toJSON', '__proto__', 'Expect', 'TE'),
    )
    const printable = fc.stringMatching(/^[\x21-\x7e\x80-\xff]{1,50}$/)
    const values = fc.oneof({ weight: 9, arbitrary: printable }, anyText, fc.jsonValue())
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(names, values), { maxLength: 4 }), async (pairs) => {
        const headers = Object.fromEntries(pairs) as Record<string, unknown>
        const entry = await check({ headers })
        expect(['invalid_request', null]).toContain(entry.error)
        if (entry.error !== null) return
        const lower = Object.keys(headers).map((name) => name.toLowerCase())
        for (const [name, value] of Object.entries(headers)) {
          // Of two that differ in their letters' size alone, one is sent.
          const isAlone = lower.filter((other) => other === name.toLowerCase()).length === 1
          if (isAlone) expect(asked).toContain(`\r\n${name}: ${value}\r\n`)
        }
      }),
      some,
    )
  })

  it('the rest of the row is', async () => {
    const rows = fc.record({
      method: fc.oneof(fc.constantFrom(null, 'GET', 'get', 'POST', 'HEAD', 'OPTIONS', 'CONNECT'), anyText),
      body: fc.oneof(fc.constant(null), anyText),
      expectedStatus: fc.oneof(fc.constantFrom(null, '200', '200-299,404', '-', ','), anyText),
      followRedirects: fc.constantFrom(null, true, false),
      verifyCertificate: fc.constantFrom(null, true, false),
    })
    await fc.assert(
      fc.asyncProperty(rows, async (row) => {
        const entry = await check(row)
        expect(['invalid_request', null]).toContain(entry.error)
      }),
      some,
    )
  })

  it('the pattern is', async () => {
    const pieces = [
      'a',
      '.',
      '*',
      '+',
      '?',
      '{2,',
      '}',
      '(',
      ')',
      '(?:',
      '(?P<n>',
      '(?P=n)',
      '(?=',
      '(?<!',
      '[',
      '[^',
      ']',
      '|',
    ]
    // What a column of text can hold.
    const storable = anyText.map((text) => text.replaceAll('\0', '').toWellFormed())
    const pattern = fc.array(fc.oneof(fc.constantFrom(...pieces, '\\', '\\d', '\\1', '^', '$', '(?i)'), storable), {
      maxLength: 12,
    })
    await fc.assert(
      fc.asyncProperty(pattern, bytes, async (parts, body) => {
        answers = [
          {
            bytes: Buffer.concat([Buffer.from('HTTP/1.1 200 OK\r\n\r\n'), Buffer.from(body, 'latin1')]),
            ending: 'end',
          },
        ]
        const entry = await check({ regex: parts.join('') })
        expect(entry.httpStatus).toBe(200)
        expect(['regex', 'timeout', null]).toContain(entry.error)
      }),
      some,
    )
  })

  const names = fc.constantFrom(
    'Content-Length',
    'Transfer-Encoding',
    'Content-Encoding',
    'Content-Type',
    'Connection',
    'Upgrade',
    'Location',
    'Trailer',
    'X',
  )
  const values = fc.oneof(
    {
      weight: 9,
      arbitrary: fc.constantFrom('5', '0', '300', 'chunked', 'gzip', 'deflate', 'br', 'gzip, br', 'close', '/'),
    },
    {
      weight: 4,
      arbitrary: fc.constantFrom('text/html; charset=utf-16', 'text/html; charset=gbk', 'text/html', 'image/png'),
    },
    { weight: 2, arbitrary: fc.constantFrom('-1', '99999999999999999999', 'upgrade', '', 'x'.repeat(5_000)) },
    { weight: 1, arbitrary: bytes },
  )
  const goodLines = fc.constantFrom('HTTP/1.1 200 OK', 'HTTP/1.0 200', 'HTTP/1.1 302 Found', 'HTTP/1.1 204 No')
  const status = fc.oneof(
    { weight: 12, arbitrary: goodLines },
    { weight: 2, arbitrary: fc.constantFrom('HTTP/1.1 101 Up', 'HTTP/1.1 103 Hints') },
    { weight: 2, arbitrary: fc.nat(1_100).map((code) => `HTTP/1.1 ${code} Any`) },
    { weight: 2, arbitrary: mutated(goodLines) },
    { weight: 1, arbitrary: bytes },
  )
  const encodings = [
    (body: Buffer) => body,
    (body: Buffer) => zlib.gzipSync(body),
    (body: Buffer) => zlib.deflateSync(body),
    (body: Buffer) => zlib.deflateRawSync(body),
    (body: Buffer) => zlib.brotliCompressSync(body),
    (body: Buffer) => Buffer.from(`${body.length.toString(16)}\r\n${body.toString('latin1')}\r\n0\r\n\r\n`, 'latin1'),
  ]
  const responses = fc.record({
    bytes: fc
      .tuple(
        status,
        fc.array(fc.tuple(names, values), { maxLength: 4 }),
        bytes,
        fc.constantFrom(...encodings),
        fc.nat(3_000),
      )
      .map(([line, headers, body, encode, cut]) => {
        const head = [line, ...headers.map(([name, value]) => `${name}: ${value}`), '', ''].join('\r\n')
        const whole = Buffer.concat([Buffer.from(head, 'latin1'), encode(Buffer.from(body, 'latin1'))])
        return whole.subarray(0, cut < 500 ? cut : whole.length)
      }),
    ending: fc.constantFrom<'end' | 'reset' | 'hold'>(
      'end',
      'end',
      'end',
      'end',
      'end',
      'end',
      'reset',
      'reset',
      'hold',
    ),
  })

  it('the server says', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(responses, { minLength: 1, maxLength: 3 }), async (said) => {
        answers = [...said]
        await check({ regex: 'Hello' })
      }),
      some,
    )
  })

  it('the server redirects to', async () => {
    await fc.assert(
      fc.asyncProperty(fc.oneof(bytes, urls()), async (location) => {
        const line = Buffer.from(location)
          .toString('latin1')
          .replaceAll(/[\r\n]/g, '')
        answers = [
          {
            bytes: Buffer.from(`HTTP/1.1 302 Found\r\nLocation: ${line}\r\nContent-Length: 0\r\n\r\n`, 'latin1'),
            ending: 'end',
          },
        ]
        const entry = await check({})
        if (entry.error === 'redirects') expect(entry.httpStatus).toBe(302)
      }),
      some,
    )
  })
})
