import { readdirSync, readFileSync } from 'node:fs'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { checkErrors } from '../src/check/checkError.ts'
import type { CheckEntry } from '../src/checkEntry.ts'
import { decode, encode } from '../src/message.ts'
import type { TopicRecord } from '../src/topicRecord.ts'
import { uuidv7 } from '../src/uuid.ts'
import { Service, stopServices } from './helpers/services.ts'
import { createStack, type Stack } from './helpers/stack.ts'
import { drained, publish } from './helpers/topic.ts'
import type { RecordedMessage } from './recording/recordMessages.ts'

const folder = new URL('./data/', import.meta.url)
const versions = readdirSync(folder).flatMap((file) => /^messages-(.+)\.jsonl$/.exec(file)?.[1] ?? [])
const { version: ours } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))

function recorded(version: string): RecordedMessage[] {
  const lines = readFileSync(new URL(`messages-${version}.jsonl`, folder), 'utf8')
    .trim()
    .split('\n')
  return lines.map((line) => JSON.parse(line) as RecordedMessage)
}

function recordOf({ timestampMs, key, value }: RecordedMessage): TopicRecord {
  const record = { topic: 'webmon', partition: 0, offset: 0n, timestampMs }
  return { ...record, key: key === null ? null : Buffer.from(key), value: Buffer.from(value) }
}

/** As JSON has it. */
const plain = (entry: CheckEntry) => JSON.parse(JSON.stringify(entry)) as object

describe.each(versions)('what the producer of version %s wrote', (version) => {
  it.each(recorded(version).map((message) => [message.kind, message] as const))(
    'is read as it is meant: %s',
    (_, message) => {
      expect(plain(decode(recordOf(message), message.timestampMs))).toEqual(message.entry)
      expect(message.key).toBe(message.entry.websiteId)
    },
  )
})

describe('what this version writes', () => {
  it('is recorded for the versions to come, a message of each kind: npm run record', () => {
    expect(versions).toContain(ours)
    const entries = recorded(ours).map(({ entry }) => entry)
    // One that webmon itself has failed at cannot be had.
    const errors = Object.keys(checkErrors).filter((error) => error !== 'internal')
    expect(new Set(entries.map(({ error }) => error))).toEqual(new Set([null, ...errors]))
    expect(entries.some(({ recheck }) => recheck)).toBe(true)
    expect(entries.some(({ redirects }) => redirects === 2)).toBe(true)
    expect(entries.some(({ certificate }) => certificate !== null)).toBe(true)
    expect(new Set(entries.map(({ intervalSeconds }) => intervalSeconds)).size).toBeGreaterThan(2)
  })

  it('is still what is recorded', () => {
    for (const message of recorded(ours)) {
      expect(encode(decode(recordOf(message), message.timestampMs))).toBe(message.value)
    }
  })
})

describe('what a newer producer writes', () => {
  let stack: Stack
  beforeEach(async () => {
    stack = await createStack()
  })
  afterEach(async () => {
    await stopServices()
    await stack.stop()
  })

  it('is stored with what this consumer knows of it: unknown fields, and an error that it has no word for', async () => {
    const consumer = new Service('consumer', stack.env)
    await consumer.logged(/^started$/)
    const { rows: websites } = await stack.pool.query('SELECT website_id FROM website LIMIT 1')
    const id = uuidv7()
    const newer = {
      ...(JSON.parse(recorded(ours).find(({ kind }) => kind === 'refused')?.value as string) as object),
      id,
      website_id: websites[0].website_id,
      timestamp: new Date().toISOString(),
      error: 'quantum',
      detail: 'Quantum: decohered',
      http_version: '4',
      addresses: ['127.0.0.1', { family: 4 }],
      location: null,
      version: 2,
    }
    await publish(stack, [JSON.stringify(newer)], { key: newer.website_id })
    await drained(stack)
    const { rows } = await stack.pool.query(
      `SELECT check_entry.*, status FROM check_entry JOIN website USING (website_id) WHERE check_entry_id = $1`,
      [id],
    )
    expect(rows).toHaveLength(1)
    expect(rows[0]).toMatchObject({
      error: 'quantum',
      detail: 'Quantum: decohered',
      available: false,
      http_status: 0,
      status: 'unavailable',
    })
    expect((await stack.pool.query('TABLE dead_letter')).rows).toEqual([])
  })
})
