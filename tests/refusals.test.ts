import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { connect } from '../local/databaseAddress.ts'
import type { CheckEntry } from '../src/checkEntry.ts'
import type { Decoded } from '../src/message.ts'
import { disagreements } from './helpers/agreement.ts'
import { checkEntry } from './helpers/entries.ts'
import { createDatabase } from './helpers/stack.ts'
import { delivered, openStore, type Store, topicRecord, untilBlocked } from './helpers/storing.ts'

let store: Store
beforeEach(async () => {
  store = await openStore(await createDatabase())
})
afterEach(() => store.stop())

const raising = (code: string, condition: string) => `
  CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN
    IF ${condition} THEN RAISE 'not this one' USING ERRCODE = '${code}'; END IF;
    RETURN NEW;
  END $$;`
const onEach = (what: string, table: string) =>
  `CREATE TRIGGER refuse BEFORE ${what} ON ${table} FOR EACH ROW EXECUTE FUNCTION refuse()`

/** A chunk of 200 entries of seven websites, a second apart; the last of all is one of the bad ones. */
function chunkWith(bad: Partial<CheckEntry>): { chunk: Decoded[]; good: string[]; refused: string[] } {
  const badPlaces = new Set([0, 1, 77, 150, 199])
  const startMs = Date.now() - 300_000
  const entries = Array.from({ length: 200 }, (_, n) =>
    checkEntry({
      websiteId: store.websiteIds[n % 7] as string,
      timestamp: new Date(startMs + n * 1_000),
      error: 'timeout',
      ...(badPlaces.has(n) && { ...bad, available: false }),
    }),
  )
  const ids = (isBad: boolean) => entries.filter((_, n) => badPlaces.has(n) === isBad).map(({ id }) => id)
  return { chunk: entries.map(delivered), good: ids(false).sort(), refused: ids(true).sort() }
}

async function storedIds(): Promise<string[]> {
  const { rows } = await store.pool.query('SELECT check_entry_id AS id FROM check_entry ORDER BY 1')
  return rows.map(({ id }) => id)
}

async function deadLetters(): Promise<{ id: string; reason: string }[]> {
  const { rows } = await store.pool.query(
    `SELECT convert_from(value, 'UTF8') AS id, reason FROM dead_letter ORDER BY 1`,
  )
  return rows
}

async function tables(): Promise<unknown> {
  return {
    stored: await storedIds(),
    dead: await deadLetters(),
    hours: (await store.pool.query('SELECT * FROM check_hour ORDER BY website_id, hour')).rows,
    statuses: (await store.pool.query('SELECT website_id, status FROM website ORDER BY 1')).rows,
  }
}

const kinds: [string, string, Partial<CheckEntry>, string][] = [
  [
    'a column that somebody made shorter (22001)',
    'ALTER TABLE check_entry ALTER regex TYPE varchar(5)',
    { regex: 'too long' },
    'value too long for type character varying(5)',
  ],
  [
    "somebody's trigger (22023)",
    `${raising('22023', 'NEW.response_time > 999')} ${onEach('INSERT', 'check_entry')}`,
    { responseTimeMs: 1_000 },
    'not this one',
  ],
  [
    'NOT NULL (23502)',
    'ALTER TABLE check_entry ALTER error SET NOT NULL',
    { error: null },
    'null value in column "error"',
  ],
  [
    'a CHECK with a name (23514)',
    'ALTER TABLE check_entry ADD CONSTRAINT quick CHECK (response_time < 1000)',
    { responseTimeMs: 1_000 },
    'violates check constraint "quick"',
  ],
]

describe('entries that PostgreSQL refuses', () => {
  it.each(kinds)('by %s become dead letters, and those around them are stored', async (_, sql, bad, reason) => {
    await store.pool.query(sql)
    const { chunk, good, refused } = chunkWith(bad)
    const unreadable = { record: topicRecord('unreadable'), kind: 'syntax', reason: 'it makes no sense' } as const
    const stored = await store.store([...chunk, unreadable])
    expect(stored).toMatchObject({ entries: 195, duplicates: 0 })
    expect(stored.deadLetters).toHaveLength(6)
    expect(await storedIds()).toEqual(good)
    expect(await deadLetters()).toEqual([
      ...refused.map((id) => ({ id, reason: expect.stringMatching(/^PostgreSQL refuses it: /) })),
      { id: 'unreadable', reason: 'it makes no sense' },
    ])
    for (const letter of (await deadLetters()).slice(0, 5)) expect(letter.reason).toContain(reason)
    // The newest entry of a website was refused, and would have said that it is unavailable.
    expect(await disagreements(store.pool)).toEqual([])
    const { rows } = await store.pool.query(
      'SELECT sum(checks)::integer AS checks, sum(covered)::integer AS covered FROM check_hour',
    )
    expect(rows).toEqual([{ checks: 195, covered: 195 * 30 }])

    // And when the chunk comes again, because its offset was not committed.
    const before = await tables()
    expect(await store.store([...chunk, unreadable])).toMatchObject({ entries: 0, duplicates: 195 })
    expect(await tables()).toEqual(before)
  })

  it('can be all of a chunk', async () => {
    await store.pool.query('ALTER TABLE check_entry ADD CONSTRAINT quick CHECK (response_time < 1000)')
    const chunk = Array.from({ length: 500 }, (_, n) =>
      delivered(checkEntry({ websiteId: store.websiteIds[n % 7] as string, responseTimeMs: 1_000 })),
    )
    const stored = await store.store(chunk)
    expect(stored.deadLetters).toHaveLength(500)
    expect(await storedIds()).toEqual([])
  })

  it('are none when they are rows already: the CHECK is newer, and the message came again', async () => {
    const [known, fresh] = [0, 1].map(() =>
      delivered(checkEntry({ websiteId: store.websiteIds[0] as string, responseTimeMs: 1_000 })),
    ) as [Decoded, Decoded]
    await store.store([known])
    await store.pool.query('ALTER TABLE check_entry ADD CONSTRAINT quick CHECK (response_time < 1000) NOT VALID')
    expect(await store.store([known, fresh])).toMatchObject({ entries: 0, duplicates: 1 })
    expect(await storedIds()).toEqual([known.record.value?.toString()])
    expect((await deadLetters()).map(({ id }) => id)).toEqual([fresh.record.value?.toString()])
  })

  it('may be of a day without a partition, which is made', async () => {
    await store.pool.query('ALTER TABLE check_entry ADD CONSTRAINT quick CHECK (response_time < 1000)')
    const timestamp = new Date(Date.now() - 100 * 86_400_000)
    const entries = [12, 1_000].map((responseTimeMs) => checkEntry({ timestamp, responseTimeMs }))
    await store.store(entries.map(delivered))
    expect(await storedIds()).toEqual([entries[0]?.id])
    expect((await deadLetters()).map(({ id }) => id)).toEqual([entries[1]?.id])
    expect(await disagreements(store.pool)).toEqual([])
  })
})

it('a database that is not UTF-8 refuses what it cannot hold, and is held up by none of it', async () => {
  await store.stop()
  store = await openStore(await createDatabase(undefined, 'LATIN1'))
  const [websiteId, other] = store.websiteIds as [string, string]
  const certificate = { begins: new Date('2026-01-01'), expires: new Date('2027-01-01'), issuer: '\u4e2d\u6587' }
  const entries = [
    checkEntry({ websiteId, certificate }),
    checkEntry({ websiteId: other, regex: 'caf\u00e9', certificate: { ...certificate, issuer: 'D\u00fcrer' } }),
    checkEntry({ websiteId, regex: '\u4e2d\u6587' }),
  ]
  await store.store(entries.map(delivered))
  expect(await storedIds()).toEqual(
    entries
      .slice(0, 2)
      .map(({ id }) => id)
      .sort(),
  )
  expect((await deadLetters()).map(({ id }) => id)).toEqual([entries[2]?.id])
  const { rows } = await store.pool.query(
    'SELECT certificate_issuer FROM website WHERE website_id = ANY ($1) ORDER BY 1',
    [[websiteId, other]],
  )
  expect(rows).toEqual([{ certificate_issuer: 'D\u00fcrer' }, { certificate_issuer: null }])
  expect(await disagreements(store.pool)).toEqual([])
})

describe('what is wrong with something else than an entry', () => {
  it.each([
    ['a CHECK on the rollup', 'ALTER TABLE check_hour ADD CONSTRAINT mine CHECK (checks < 3)', '23514'],
    [
      "somebody's trigger on the rollup",
      `${raising('22023', 'NEW.checks > 2')} ${onEach('INSERT OR UPDATE', 'check_hour')}`,
      '22023',
    ],
    ["somebody's trigger on the website", `${raising('22023', 'true')} ${onEach('UPDATE', 'website')}`, '22023'],
    ['a CHECK on dead letters', 'ALTER TABLE dead_letter ADD CONSTRAINT mine CHECK (length(reason) < 3)', '23514'],
    ['a unique index on dead letters', 'CREATE UNIQUE INDEX mine ON dead_letter (reason)', '23505'],
  ])('%s makes no dead letter: nothing is stored until it is mended', async (_, sql, code) => {
    await store.pool.query(sql)
    const websiteId = store.websiteIds[0] as string
    const chunk = [
      ...Array.from({ length: 20 }, () => delivered(checkEntry({ websiteId }))),
      ...['unreadable', 'unreadable, too'].map((value) => ({
        record: topicRecord(value),
        kind: 'syntax' as const,
        reason: 'it makes no sense',
      })),
    ]
    await expect(store.store(chunk)).rejects.toMatchObject({ code })
    expect(await storedIds()).toEqual([])
    expect(await deadLetters()).toEqual([])
    await store.pool.query(
      `ALTER TABLE check_hour DROP CONSTRAINT IF EXISTS mine; ALTER TABLE dead_letter DROP CONSTRAINT IF EXISTS mine;
       DROP FUNCTION IF EXISTS refuse CASCADE; DROP INDEX IF EXISTS mine`,
    )
    expect(await store.store(chunk)).toMatchObject({ entries: 20, deadLetters: [{}, {}] })
    expect(await deadLetters()).toHaveLength(2)
    expect(await disagreements(store.pool)).toEqual([])
  })
})

describe('a conflict with others', () => {
  it('is tried again at once when it is a deadlock', async () => {
    const [first, second] = [...store.websiteIds].sort() as [string, string]
    const other = await connect(store.address)
    try {
      const lock = (id: string) => other.query(`SELECT FROM website WHERE website_id = '${id}' FOR UPDATE`)
      await other.query('BEGIN')
      await lock(second)
      const storing = store.store([first, second].map((websiteId) => delivered(checkEntry({ websiteId }))))
      await untilBlocked(store)
      // Now each waits for the other; PostgreSQL ends the one that has waited for a second.
      await lock(first)
      await other.query('COMMIT')
      expect(await storing).toMatchObject({ entries: 2 })
      const { rows } = await store.pool.query(
        'SELECT deadlocks::integer FROM pg_stat_database WHERE datname = current_database()',
      )
      expect(rows).toEqual([{ deadlocks: 1 }])
      expect(await disagreements(store.pool)).toEqual([])
    } finally {
      await other.end()
    }
  })
})
