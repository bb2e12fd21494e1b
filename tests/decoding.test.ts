import { readFile } from 'node:fs/promises'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeBody } from '../src/check/charset.ts'
import { Page } from '../src/check/page.ts'
import { threadTimes } from './helpers/threadTimes.ts'

interface Case {
  readonly contentTypes: readonly (string | null)[]
  /** base64 */
  readonly body: string
  /** What requests reads. */
  readonly text: string
  /** The name of a difference, and what webmon reads instead. */
  readonly difference?: string
  readonly webmon?: string
}

interface Table {
  readonly requests: string
  readonly differences: Readonly<Record<string, string>>
  readonly cases: readonly Case[]
}

const table = JSON.parse(await readFile(new URL('data/decoding.json', import.meta.url), 'utf8')) as Table

describe(`against response.text of Python's requests ${table.requests}`, () => {
  const same = table.cases.filter(({ difference }) => difference === undefined)

  it(`reads the same in the same bytes`, () => {
    const others = same.flatMap(({ contentTypes, body, text }) =>
      contentTypes.flatMap((contentType) => {
        const ours = decodeBody(Buffer.from(body, 'base64'), contentType ?? undefined)
        return ours === text ? [] : [{ contentType, body, ours, theirs: text }]
      }),
    )
    expect(others).toEqual([])
  })

  it.each(Object.entries(table.differences))('differs on purpose: %s (%s)', (name) => {
    const cases = table.cases.filter(({ difference }) => difference === name)
    expect(cases.length).toBeGreaterThan(0)
    for (const { contentTypes, body, text, webmon } of cases) {
      expect(webmon).not.toBe(text)
      for (const contentType of contentTypes) {
        const ours = decodeBody(Buffer.from(body, 'base64'), contentType ?? undefined)
        expect({ contentType, body, text: ours }).toEqual({ contentType, body, text: webmon })
      }
    }
  })

  it('knows all charsets that browsers know', () => {
    const read = new Set(same.flatMap(({ contentTypes }) => contentTypes))
    for (const charset of browserCharsets) expect(read).toContain(`text/html; charset=${charset}`)
  })
})

/** The names in the WHATWG Encoding Standard that Python knows too; the others are labels of the same charsets. */
const browserCharsets = (
  'utf-8 ibm866 iso-8859-2 iso-8859-3 iso-8859-4 iso-8859-5 iso-8859-6 iso-8859-7 iso-8859-8 iso-8859-10 ' +
  'iso-8859-13 iso-8859-14 iso-8859-15 iso-8859-16 koi8-r koi8-u macintosh windows-1250 windows-1251 ' +
  'windows-1252 windows-1253 windows-1254 windows-1255 windows-1256 windows-1257 windows-1258 gbk gb18030 big5 ' +
  'euc-jp iso-2022-jp shift_jis euc-kr utf-16be utf-16le'
).split(' ')

it('finds a literal in the page as in its text, whatever the bytes and the charset are', () => {
  const contentType = fc.oneof(
    fc.constantFrom(undefined, 'text/html', 'application/json', 'image/png', 'text/html; charset=unknown'),
    fc
      .constantFrom('UTF-8', 'iso-8859-1', 'us-ascii', 'latin1', ...browserCharsets)
      .map((name) => `text/html; charset=${name}`),
  )
  const piece = fc.oneof(
    fc
      .constantFrom('a', 'ab', '\x1b$B', '\xe2\x82', '\xff', '\xc0\x80', '\xef\xbb\xbf', '\0', '~', '\\')
      .map((text) => Buffer.from(text, 'latin1')),
    fc.uint8Array({ maxLength: 3 }).map(Buffer.from),
  )
  const literal = fc.oneof(fc.constantFrom('', 'a', 'ab', 'ba', '~', '\\', '\0', '\ufffd'), fc.string({ maxLength: 2 }))
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), contentType, literal, (pieces, type, searched) => {
      const body = Buffer.concat(pieces)
      expect(new Page(body, type).includes(searched)).toBe(decodeBody(body, type).includes(searched))
    }),
    { numRuns: 5_000 },
  )
})

/** Without what other programs take. */
function runMs(): number {
  return threadTimes()?.runMs ?? performance.now()
}

describe('a page of a megabyte', () => {
  const charsets = ['utf-8', 'utf-16', 'windows-1252', 'windows-1253', 'us-ascii', 'iso-8859-16', 'iso-8859-2']
  const pages = ['\xff', '\x80', '\x00', '\xd0\x94A \x80\xff', '\xf0\x9f\x98', '\x1b$B\x80'].map((letters) =>
    Buffer.alloc(1_000_000, letters, 'latin1'),
  )

  it.each([...charsets, 'gb18030', 'big5', 'euc-jp', 'shift_jis', 'euc-kr', 'iso-2022-jp', 'koi8-r', 'unknown'])(
    'does not hold up anything else, whatever is in it: %s',
    (charset) => {
      for (const page of pages) {
        const startMs = runMs()
        decodeBody(page, `text/html; charset=${charset}`)
        expect(runMs() - startMs).toBeLessThan(50)
      }
    },
  )

  it('may have a Content-Type of 60 kB', () => {
    for (const piece of [';charset', '; charset=', "'", ' ', '"=', ';']) {
      const long = piece.repeat(60_000 / piece.length)
      for (const contentType of [`text/html; charset=${long}x`, `text/html;${long}x`, `${long}x`]) {
        const startMs = runMs()
        decodeBody(Buffer.from('x'), contentType)
        expect(runMs() - startMs).toBeLessThan(50)
      }
    }
  })
})
