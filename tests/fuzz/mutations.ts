import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import type { TopicRecord } from '../../src/topicRecord.ts'

/** When the messages are read: their times are from around it. */
export const nowMs = Date.parse('2026-11-24T12:00:00Z')

/** Recorded messages of both programs, and those that somebody made by hand. */
const corpus = ['our', 'original', 'hand-made'].flatMap((name) =>
  readFileSync(new URL(`../data/${name}-messages.jsonl`, import.meta.url), 'utf8')
    .trim()
    .split('\n')
    .map((line) => {
      const { value } = JSON.parse(line) as { value: string | { base64: string } | null }
      return typeof value === 'string' ? Buffer.from(value) : Buffer.from(value?.base64 ?? '', 'base64')
    }),
)
const message = fc.constantFrom(...corpus)

/** Values that are near something: the end of a type, what PostgreSQL or a Date can hold, a keyword of YAML. */
const telling = fc.constantFrom<unknown>(
  ...[-1, 0, 0.5, 1e3, 86_400, 86_401, 32_767, 32_768, 2_147_483_647, 2_147_483_648, 2 ** 53, 1e308, -0],
  ...['', '0', '-1', '+7', '1e3', '1_000', '0x10', '.', '1.5.2', 'Infinity', 'NaN', 'null', '~', 'true', 'No', 'ON'],
  ...['a\0b', '\ud83d', '\udc00x', '\ufffe\uffff', '\x7f\x85\u2028', '\ufeff', '😀'.repeat(400), 'é'.repeat(3_000)],
  ...['2026-11-24T11:59:58.123Z', '2026-11-24T24:00:00.000Z', '2026-02-31T00:00:00.000Z', '2026-11-24T12:00:00+99:99'],
  ...['2026-11-25T12:00:00.000Z', '2026-11-25T12:00:00.001Z', '2025-10-20T12:00:00Z', '2025-10-20T11:59:59Z'],
  ...['+275760-09-13T00:00:00.000Z', '-000001-01-01T00:00:00Z', '0000-01-01T00:00:00.000Z', '9999-12-31T23:59:59.999Z'],
  ...['1970-01-01T00:00:00.000Z', '2026-11-24 11:59:58', '2026-11-24T11:59:58', 'T+00:00', 'TZ'],
  ...[
    '00000000-0000-0000-0000-000000000000',
    'FFFFFFFF-FFFF-1FFF-FFFF-FFFFFFFFFFFF',
    '6ba7b810-9dad-11d1-80b4-00c04fd430c8',
  ],
  ...['ffffffff-ffff-1fff-bfff-fffffffffffg', null, true, false, [], {}, [[1]], { a: 1 }],
)
const text = fc.string({ unit: 'binary', maxLength: 40 })
const anything = fc.oneof(
  { weight: 4, arbitrary: telling },
  text,
  fc.double(),
  fc.integer(),
  fc.jsonValue({ maxDepth: 2 }),
)

const fields =
  'id website_id timestamp response_time http_status regex regex_match error detail available dns_time connect_time tls_time first_byte_time body_time redirects final_url recheck interval certificate_begins certificate_expires certificate_issuer __proto__ self <<'
const field = fc.constantFrom(...fields.split(' '))

/** A message that is read as fields, with some of them changed. */
const changedFields = fc
  .tuple(
    message,
    fc.array(fc.tuple(field, fc.option(anything, { freq: 8, nil: undefined })), { minLength: 1, maxLength: 4 }),
  )
  .map(([bytes, changes]) => {
    let document: Record<string, unknown> = {}
    try {
      document = { ...(JSON.parse(bytes.toString()) as object) }
    } catch {
      // Another one of ours in its place.
      document = { ...(JSON.parse(String(corpus[0])) as object) }
    }
    for (const [name, value] of changes)
      Object.defineProperty(document, name, { value, enumerable: true, configurable: true })
    return document
  })

/** As block YAML, whose scalars are whatever they look like. */
const yaml = (document: object) =>
  Buffer.from(
    Object.entries(document)
      .map(([name, value]) => `${name}: ${typeof value === 'string' ? value : JSON.stringify(value)}\n`)
      .join(''),
  )

const place = fc.nat(400)
const bytes = fc
  .oneof(
    fc.uint8Array({ minLength: 1, maxLength: 4 }),
    fc.constantFrom(
      '"',
      '\\',
      '{',
      '}',
      '[',
      ']',
      ':',
      ',',
      '\n',
      '\t',
      '&a ',
      '*a',
      '!!x ',
      '? ',
      '- ',
      '|',
      '>',
      '%',
      '---\n',
      '\0',
      '\\u0000',
      '\\ud800',
      'e9',
      '\xff',
    ),
  )
  .map((some) => Buffer.from(some as string))

type Mutation = (value: Buffer) => Buffer
const mutation: fc.Arbitrary<Mutation> = fc.oneof(
  fc.tuple(place, bytes).map(
    ([at, some]): Mutation =>
      (value) =>
        Buffer.concat([value.subarray(0, at), some, value.subarray(at)]),
  ),
  fc.tuple(place, bytes).map(
    ([at, some]): Mutation =>
      (value) =>
        Buffer.concat([value.subarray(0, at), some, value.subarray(at + some.length)]),
  ),
  fc.tuple(place, fc.nat(20)).map(
    ([at, length]): Mutation =>
      (value) =>
        Buffer.concat([value.subarray(0, at), value.subarray(at + length)]),
  ),
  place.map(
    (at): Mutation =>
      (value) =>
        value.subarray(0, at),
  ),
  fc.tuple(message, place, place).map(
    ([other, at, from]): Mutation =>
      (value) =>
        Buffer.concat([value.subarray(0, at), other.subarray(from)]),
  ),
  fc.tuple(place, fc.nat(7)).map(
    ([at, bit]): Mutation =>
      (value) => {
        const flipped = Buffer.from(value)
        if (at < flipped.length) flipped[at] = (flipped[at] as number) ^ (1 << bit)
        return flipped
      },
  ),
)

const value = fc.oneof(
  { weight: 4, arbitrary: changedFields.map((document) => Buffer.from(JSON.stringify(document))) },
  { weight: 2, arbitrary: changedFields.map(yaml) },
  {
    weight: 6,
    arbitrary: fc
      .tuple(message, fc.array(mutation, { minLength: 1, maxLength: 4 }))
      .map(([start, mutations]) => mutations.reduce<Buffer>((mutated, mutate) => mutate(mutated), start)),
  },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 60 }).map((some) => Buffer.from(some)) },
)

/** A record as no broker could be kept from delivering it. */
export const mutatedRecord: fc.Arbitrary<TopicRecord> = fc
  .tuple(
    fc.option(value, { freq: 1_000 }),
    fc.oneof(
      { weight: 20, arbitrary: fc.integer({ min: nowMs - 1e9, max: nowMs }) },
      fc.constantFrom(-1, 0, 1, nowMs, nowMs + 86_400_000, 8.64e15, 8.65e15, Number('9223372036854775807')),
    ),
    fc.nat(),
  )
  .map(([bytes, timestampMs, offset]) => ({
    topic: 'webmon',
    partition: 0,
    offset: BigInt(offset),
    timestampMs,
    key: null,
    value: bytes,
  }))

/** What costs a parser more than its length: nested, repeated, or referring to itself; up to what Kafka takes. */
export const costly: readonly Buffer[] = [
  '['.repeat(500_000),
  '{"a":'.repeat(100_000),
  `${'- '.repeat(250_000)}a`,
  'a: '.repeat(150_000),
  `a: ${'"'.repeat(900_000)}`,
  `a: ${'\\'.repeat(900_000)}`,
  `{"regex":"${'x'.repeat(900_000)}"}`,
  `${'? '.repeat(200_000)}a`,
  '\n'.repeat(900_000),
  `${' '.repeat(900_000)}a: b`,
  `a: |\n${' \n'.repeat(400_000)}`,
  Array.from({ length: 30_000 }, (_, n) => `key${n}: &a${n} value`).join('\n'),
  ['a0: &a0 [x, x]', ...Array.from({ length: 5_000 }, (_, n) => `a${n + 1}: &a${n + 1} [*a${n}, *a${n}]`)].join('\n'),
  [
    'a0: &a0 {x: 1}',
    ...Array.from({ length: 2_000 }, (_, n) => `a${n + 1}: &a${n + 1}\n  <<: *a${n}\n  k${n}: 1`),
  ].join('\n'),
  `website_id: ${'!!str '.repeat(100_000)}a`,
].map((text) => Buffer.from(text))
