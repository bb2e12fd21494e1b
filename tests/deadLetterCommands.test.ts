import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { encode } from '../src/message.ts'
import { checkEntry } from './helpers/entries.ts'
import { Service, stopServices, until } from './helpers/services.ts'
import { createStack, type Stack } from './helpers/stack.ts'
import { drained, publish } from './helpers/topic.ts'
import { configFile, webmon, webmonJson } from './helpers/webmon.ts'

let stack: Stack
let env: Record<string, string>
beforeAll(async () => {
  stack = await createStack()
  env = { ...stack.env, WEBMON_CONFIG_FILE: configFile, WEBMON_KAFKA_PARTITIONS: '1' }
})
beforeEach(async () => {
  await new Service('consumer', env).logged(/^started$/)
  await stack.pool.query('TRUNCATE dead_letter, check_entry')
})
afterEach(stopServices)
afterAll(() => stack.stop())

const deadLetter = (...args: string[]) => webmon(['dead-letter', ...args], env)
const count = async (from: string) => Number((await stack.pool.query(`SELECT count(*) FROM ${from}`)).rows[0].count)

/** Messages that PostgreSQL refuses as long as the constraint is there. */
async function refuse(amount: number) {
  await stack.pool.query('ALTER TABLE check_entry ADD CONSTRAINT mine CHECK (response_time < 1000)')
  const entries = Array.from({ length: amount }, (_, n) => checkEntry({ responseTimeMs: 2_000 + n }))
  await publish(stack, entries.map(encode), { key: entries[0]?.websiteId ?? null })
  await until(async () => (await count('dead_letter')) === amount)
  return entries
}

const allow = () => stack.pool.query('ALTER TABLE check_entry DROP CONSTRAINT mine')

describe('webmon dead-letter', () => {
  it('list shows them with their reasons', async () => {
    await publish(stack, ['{"broken"', 'neither'])
    await until(async () => (await count('dead_letter')) === 2)
    const { code, out } = await deadLetter('list')
    expect(code).toBe(0)
    expect(out).toMatch(/^id +stored +bytes +reason\n/)
    expect(out).toMatch(new RegExp(`^${stack.topic}/0/\\d+ +\\S+ \\S+ +9 +\\w`, 'm'))
    const all = await webmonJson<{ id: string; value: string; reason: string }[]>(['dead-letter', 'list'], env)
    expect(all.map(({ value }) => value).sort()).toEqual(['neither', '{"broken"'])
    expect(await webmonJson(['dead-letter', 'list', '--limit', '1'], env)).toHaveLength(1)
    expect(await webmonJson(['dead-letter', 'list', '--reason', 'no such reason'], env)).toEqual([])
  })

  it('replay has them stored once what kept them out is mended', async () => {
    const entries = await refuse(250)
    await allow()
    expect(await deadLetter('replay', '--all')).toMatchObject({ code: 0, out: '250 replayed\n' })
    await drained(stack)
    const { rows } = await stack.pool.query('SELECT check_entry_id AS id FROM check_entry ORDER BY response_time')
    expect(rows.map(({ id }) => id)).toEqual(entries.map(({ id }) => id))
    expect(await count('dead_letter')).toBe(0)
  })

  it('replay takes some alone, and what is still refused is a dead letter again', async () => {
    await refuse(3)
    const ids = await webmonJson<{ id: string }[]>(['dead-letter', 'list'], env)
    expect(await deadLetter('replay', ids[0]?.id ?? '', ids[1]?.id ?? '')).toMatchObject({
      code: 0,
      out: '2 replayed\n',
    })
    await until(async () => (await count('dead_letter')) === 3)
    const after = await webmonJson<{ id: string }[]>(['dead-letter', 'list'], env)
    expect(after.map(({ id }) => id)).toContain(ids[2]?.id)
    expect(after.map(({ id }) => id)).not.toContain(ids[0]?.id)
    await allow()
  })

  it('replay keeps what Kafka has not acknowledged', async () => {
    await refuse(2)
    await allow()
    for (const away of [{ WEBMON_KAFKA_PORT: '9' }, { WEBMON_KAFKA_TOPIC: 'no-such-topic' }]) {
      const { code, err } = await webmon(['dead-letter', 'replay', '--all'], { ...env, ...away })
      expect(code).toBe(1)
      expect(err).toMatch(/ECONNREFUSED|does not host this topic/)
      expect(await count('dead_letter')).toBe(2)
    }
  })

  it('delete deletes the chosen ones', async () => {
    await publish(stack, ['{"broken"', 'neither', '[]'])
    await until(async () => (await count('dead_letter')) === 3)
    const [first] = await webmonJson<{ id: string }[]>(['dead-letter', 'list'], env)
    expect(await deadLetter('delete', first?.id ?? '')).toMatchObject({ code: 0, out: '1 deleted\n' })
    expect(await webmonJson(['dead-letter', 'delete', '--all'], env)).toEqual({ deleted: 2 })
  })

  it.each([[['replay']], [['delete']], [['delete', '--all', '--reason', 'x']], [['replay', 'x']]])(
    'does nothing without being told to which: %j',
    async (args) => {
      const { code, out } = await deadLetter(...args)
      expect({ code, out }).toEqual({ code: 2, out: '' })
    },
  )
})
