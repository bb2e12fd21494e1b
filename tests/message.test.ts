import { execFileSync, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { CheckEntry } from '../src/checkEntry.ts'
import { DecodeError } from '../src/message/fields.ts'
import { decode, decoded, encode } from '../src/message.ts'
import type { TopicRecord } from '../src/topicRecord.ts'
import { checkEntry } from './helpers/entries.ts'

const now = Date.parse('2026-11-24T12:00:00Z')

function record(value: string | Buffer | null, more: Partial<TopicRecord> = {}): TopicRecord {
  const bytes = typeof value === 'string' ? Buffer.from(value) : value
  return { topic: 'webmon', partition: 3, offset: 17n, timestampMs: now - 1000, key: null, value: bytes, ...more }
}

const entry = checkEntry({
  websiteId: 'b3b1fa38-a32c-11eb-8d4f-163fd67fbf61',
  timestamp: new Date('2026-11-24T11:59:58.123Z'),
  regex: 'Hello',
})

function json(fields: Record<string, unknown>): string {
  return JSON.stringify({ ...(JSON.parse(encode(entry)) as object), ...fields })
}

describe('a message of ours', () => {
  it('comes back as the entry that it was made from', () => {
    expect(decode(record(encode(entry)), now)).toEqual(entry)
    const failed = {
      ...entry,
      httpStatus: 0,
      regexMatch: false,
      error: 'tls',
      detail: 'TLS: the certificate ended yesterday',
      available: false,
      tlsTimeMs: 7,
      firstByteTimeMs: null,
      bodyTimeMs: null,
      redirects: 2,
      finalUrl: 'https://www.example.com/',
      recheck: true,
      suspectSince: new Date('2026-11-24T11:58:00.000Z'),
      certificate: {
        begins: new Date('2026-01-01T00:00:00Z'),
        expires: new Date('2026-11-23T00:00:00Z'),
        issuer: 'Somebody',
      },
    }
    expect(decode(record(encode(failed)), now)).toEqual(failed)
  })

  it('comes back whatever characters its regex holds', () => {
    const text = fc.string({ unit: 'binary' }).filter((s) => s.isWellFormed() && !s.includes('\0'))
    fc.assert(
      fc.property(text, (regex) => {
        expect(decode(record(encode({ ...entry, regex })), now).regex).toBe(regex)
      }),
    )
  })

  it('has the seven fields of the original, none of them null', () => {
    const fields = JSON.parse(encode({ ...entry, httpStatus: 0, regex: '' })) as Record<string, unknown>
    for (const name of ['id', 'website_id', 'response_time', 'http_status', 'regex', 'regex_match', 'timestamp']) {
      expect(fields[name], name).not.toBeNull()
      expect(fields[name], name).not.toBeUndefined()
    }
  })

  it('escapes what the YAML reader of the original refuses, and keeps emoji raw', () => {
    const message = encode({ ...entry, regex: 'a\x7f\x85\x9b\ufffe\uffff😀\u2028b' })
    expect(message).toContain('a\\u007f\\u0085\\u009b\\ufffe\\uffff😀\\u2028b')
  })

  it('is read by the original as it is meant, in each recorded case', () => {
    const recorded = readFileSync(new URL('./data/our-messages.jsonl', import.meta.url), 'utf8')
      .trim()
      .split('\n')
    expect(recorded.length).toBe(13)
    for (const line of recorded) {
      const { value, fields } = JSON.parse(line) as { value: string; fields: Record<string, unknown> }
      const ours = decode(record(value), now)
      // What is recorded is what we still write.
      expect(encode(ours)).toBe(value)
      expect(fields).toMatchObject({
        website_id: ours.websiteId,
        response_time: ours.responseTimeMs,
        http_status: ours.httpStatus,
        regex: ours.regex,
        regex_match: ours.regexMatch,
      })
    }
  })

  const python = spawnSync('python3', ['-c', 'import yaml'])
  it.skipIf(python.status !== 0)('is read by PyYAML, as the original reads it, character for character', () => {
    const regexes = [
      '',
      'caf\u00e9',
      'a\x7f\x80\x85\x9b\xa0b',
      '\ufffe\uffff\ufeff',
      '😀',
      'a \u2028 \u2029 b',
      '1e3',
      'yes',
      'a: b # c',
      `'"\\`,
    ]
    const script =
      'import sys,yaml,json; print(json.dumps([yaml.load(l, Loader=yaml.FullLoader) for l in json.load(sys.stdin)], default=str))'
    const input = JSON.stringify(regexes.map((regex) => encode({ ...entry, regex })))
    const read = JSON.parse(execFileSync('python3', ['-c', script], { input }).toString()) as Record<string, unknown>[]
    expect(read.map(({ regex }) => regex)).toEqual(regexes)
    expect(read[0]).toMatchObject({
      http_status: 200,
      response_time: 12,
      regex_match: true,
      website_id: entry.websiteId,
    })
  })
})

describe('a message of the original', () => {
  const recorded = readFileSync(new URL('./data/original-messages.jsonl', import.meta.url), 'utf8')
    .trim()
    .split('\n')

  it('is read as its own YAML library read it, in each recorded case', () => {
    expect(recorded.length).toBe(168)
    for (const line of recorded) {
      const { value, fields } = JSON.parse(line) as { value: string; fields: Record<string, unknown> }
      const read = decode(record(value), now)
      expect(read).toMatchObject({
        id: fields.id,
        websiteId: fields.website_id,
        responseTimeMs: fields.response_time,
        httpStatus: fields.http_status,
        regex: fields.regex,
        regexMatch: fields.regex_match,
        error: null,
      })
      // The recording ran in UTC: the zoneless field is the truth there, and the id is within 16 ms of it.
      const truth = Date.parse(`${String(fields.timestamp).replace(' ', 'T').slice(0, 23)}Z`)
      expect(Math.abs(read.timestamp.getTime() - truth)).toBeLessThan(17)
    }
  })
})

describe('a message of somebody else', () => {
  const handMade = readFileSync(new URL('./data/hand-made-messages.jsonl', import.meta.url), 'utf8')
    .trim()
    .split('\n')
  /** What we read otherwise than the original did, and why. */
  const differs: Record<string, string> = {
    'json-utf16': 'UTF-8 alone',
    'json-extra-field-self': 'no field name is special',
    'json-response_time-1e3': 'a number in JSON',
    'json-regex-list': 'a list is no text',
    'json-regex-del-raw': 'raw characters are fine in JSON',
    'json-regex-nel-raw': 'raw characters are fine in JSON, and kept',
    'json-regex-noncharacter-raw': 'raw characters are fine in JSON',
    'yaml-unquoted-regex-yes': 'the text as it was written',
    'yaml-integer-field-name': 'unknown fields of any name are harmless',
    'yaml-python-tag': 'no tags of Python',
  }

  it('is stored or refused as the original stored or refused it, but for the listed differences', () => {
    const different: string[] = []
    for (const line of handMade) {
      const { name, value, stored } = JSON.parse(line) as {
        name: string
        value: unknown
        stored: Record<string, unknown> | null
      }
      const bytes =
        typeof value === 'string'
          ? value
          : value === null
            ? null
            : Buffer.from((value as { base64: string }).base64, 'base64')
      // Some are from 2021: of that day's age nothing is said here.
      const at = typeof value === 'string' && value.includes('2021') ? Date.parse('2021-04-23T00:00:00Z') : now
      const { entries, deadLetters } = readAt(record(bytes), at)
      expect(entries.length + deadLetters.length).toBe(1)
      const read = entries[0]
      const same = stored
        ? read?.websiteId === stored.website_id &&
          read?.httpStatus === stored.http_status &&
          read?.responseTimeMs === stored.response_time &&
          read?.regex === stored.regex &&
          read?.regexMatch === stored.regex_match
        : read === undefined
      if (!same) different.push(name)
    }
    expect(different.sort()).toEqual(Object.keys(differs).sort())
  })

  function readAt(one: TopicRecord, at: number): { entries: CheckEntry[]; deadLetters: string[] } {
    try {
      return { entries: [decode(one, at)], deadLetters: [] }
    } catch (error) {
      expect(error).toBeInstanceOf(DecodeError)
      return { entries: [], deadLetters: [(error as Error).message] }
    }
  }

  it.each([
    [null, 'the message is empty'],
    ['', 'the message is empty'],
    [Buffer.from([0x7b, 0xe9, 0x7d]), 'the message is not UTF-8'],
    ['hello', 'the message is not an object with fields'],
    ['[1]', 'the message is not an object with fields'],
    ['{"a": [1, 2', /^neither JSON nor YAML: /],
    ['a: *\u20ac', /^neither JSON nor YAML: [ -~]+$/],
    [json({ website_id: 'nope' }), 'website_id is no UUID'],
    [json({ website_id: null }), 'website_id is missing'],
    [json({ http_status: 40000 }), 'http_status is no number from 0 to 32767'],
    [json({ http_status: true }), 'http_status is no number from 0 to 32767'],
    [json({ response_time: -1 }), 'response_time is no number from 0 to 2147483647'],
    [json({ regex: 'a\0b' }), 'regex holds a character that cannot be stored'],
    [json({ regex: 'a\ud83d' }), 'regex holds a character that cannot be stored'],
    [json({ regex_match: 'perhaps' }), 'regex_match is neither true nor false'],
    [json({ timestamp: '2026-11-26T12:00:00Z' }), 'time: more than a day ahead'],
    [json({ timestamp: '2025-01-01T00:00:00Z' }), 'time: more than 400 days ago'],
  ])('that can never become a row says why: %s', (value, reason) => {
    expect(() => decode(record(value), now)).toThrow(reason)
  })

  it('without a usable id gets one that is the same at each delivery and differs between records', () => {
    const first = decode(record(json({ id: 'nonsense' })), now).id
    expect(first).toMatch(/^[\da-f]{8}-[\da-f]{4}-5/)
    expect(decode(record(json({ id: null })), now).id).toBe(first)
    expect(decode(record(json({ id: null }), { offset: 18n }), now).id).not.toBe(first)
    expect(decode(record(json({ id: null }), { timestampMs: now }), now).id).not.toBe(first)
  })

  it('without a zone in its time and without a version 1 id takes the time of the record', () => {
    const read = decode(record(json({ timestamp: '2026-11-24 03:00:00' })), now)
    expect(read.timestamp.getTime()).toBe(now - 1000)
  })

  it('beside bad ones is read all the same', () => {
    const good = record(json({ timestamp: new Date().toISOString() }))
    const read = [...decoded([record('hello'), good, record(null)])]
    expect(read.map((one) => ('entry' in one ? 'an entry' : one.reason))).toEqual([
      'the message is not an object with fields',
      'an entry',
      'the message is empty',
    ])
  })
})
