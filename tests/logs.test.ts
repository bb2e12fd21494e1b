import { execFileSync } from 'node:child_process'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { freePort } from '../local/ports.ts'
import { Repeats } from '../src/repeats.ts'
import { hasProgram } from './helpers/programs.ts'
import { type LogLine, Service, stopServices, until } from './helpers/services.ts'
import { createStack, type Stack } from './helpers/stack.ts'
import { publish } from './helpers/topic.ts'
import { startWebsites, type Websites } from './helpers/websites.ts'

let stack: Stack
let websites: Websites
beforeAll(async () => {
  ;[stack, websites] = await Promise.all([createStack(), startWebsites()])
})
afterEach(stopServices)
afterAll(async () => {
  await websites.stop()
  await stack.stop()
})

/** Starts both services on three websites, and each tells every second what it did. */
async function start(level: string, interval = 1): Promise<{ consumer: Service; producer: Service }> {
  const env = { ...stack.env, WEBMON_LOG_LEVEL: level }
  const consumer = new Service('consumer', env)
  await consumer.logged(/^joined the group$/)
  await stack.pool.query('DELETE FROM website')
  await stack.pool.query(
    `INSERT INTO website (name, url, status, interval)
     SELECT 'website ' || n, $1, 'active', $2 FROM generate_series(1, 3) AS n`,
    [websites.urlOf('/hello'), interval],
  )
  const producer = new Service('producer', env)
  await producer.logged(/^started$/)
  return { consumer, producer }
}

const summaries = {
  producer: /^\d+ checks in \d+ s: \d+ available, \d+ not$/,
  consumer: /^\d+ entries stored in \d+ s: 0 came again, \d+ dead letters, lag \d+$/,
}

const matching = (log: readonly LogLine[], message: RegExp) => log.filter(({ msg }) => message.test(msg))

describe('at INFO', () => {
  it('a steady system says one line per interval and process, and nothing else', async () => {
    // At an interval of a second, a machine that is busy for a tenth of one would make checks late.
    const { consumer, producer } = await start('INFO', 10)
    for (const service of [consumer, producer]) {
      const summary = summaries[service.name as keyof typeof summaries]
      // What is said at the start is said by the second one.
      await until(() => matching(service.log, summary).length >= 2)
      const from = service.log.length
      await until(() => service.log.length >= from + 4)
      for (const { level, msg } of service.log.slice(from))
        expect([level, msg]).toEqual(['info', expect.stringMatching(summary)])
    }
    await until(() => matching(producer.log, summaries.producer).some(({ checks }) => Number(checks) > 0))
  })

  it('a change of a status is one line', async () => {
    const { consumer } = await start('INFO')
    const { rows } = await stack.pool.query<{ website_id: string }>(
      'SELECT website_id FROM website ORDER BY name LIMIT 1',
    )
    const id = rows[0]?.website_id
    await stack.pool.query('UPDATE website SET url = $1 WHERE website_id = $2', [websites.urlOf('/status/500'), id])
    await consumer.logged(/^a website is unavailable$/)
    await stack.pool.query('UPDATE website SET url = $1 WHERE website_id = $2', [websites.urlOf('/hello'), id])
    await consumer.logged(/^a website is active$/)
    expect(matching(consumer.log, /^a website is/)).toMatchObject([
      { level: 'info', website_id: id, from: 'active', to: 'unavailable' },
      { level: 'info', website_id: id, from: 'unavailable', to: 'active' },
    ])
  })

  it('what repeats is said once at first: failing attempts, and dead letters of a kind', async () => {
    const { consumer, producer } = await start('INFO')
    await publish(stack, [...Array.from({ length: 20 }, (_, n) => `no message ${n}`), null])
    await until(() => matching(consumer.log, summaries.consumer).some((line) => Number(line.dead_letters) > 0))
    await until(() => matching(consumer.log, /^a message became a dead letter$/).length === 2)
    await stack.pool.query('ALTER TABLE check_hour RENAME TO away')
    try {
      await consumer.logged(/^storing failed: relation "check_hour" does not exist; trying again in/)
      // Several attempts later.
      const seen = producer.log.length
      await until(() => matching(producer.log.slice(seen), summaries.producer).length >= 4)
      const failures = matching(consumer.log, /^storing failed/)
      expect(failures).toHaveLength(1)
      expect(failures[0]).not.toHaveProperty('repeats')
    } finally {
      await stack.pool.query('ALTER TABLE away RENAME TO check_hour')
    }
  })
})

describe('at DEBUG', () => {
  it('each check is a line, and each failing attempt', async () => {
    const { producer } = await start('DEBUG')
    await until(() => matching(producer.log, summaries.producer).length >= 3)
    const [last] = matching(producer.log, summaries.producer).slice(-1)
    const before = producer.log.slice(0, producer.log.indexOf(last as LogLine))
    const counted = matching([...before, last as LogLine], summaries.producer).reduce(
      (sum, { checks }) => sum + Number(checks),
      0,
    )
    // An entry that is made is counted, and told of some milliseconds later, when it is safe.
    const told = matching(before, /^checked website \d$/).length
    expect(Math.abs(told - counted)).toBeLessThanOrEqual(3)
    const waiting = new Service('consumer', { ...stack.env, WEBMON_KAFKA_PORT: String(await freePort()) })
    await until(() => matching(waiting.log, /^preparing the topic/).length >= 3)
    const levels = matching(waiting.log, /^preparing the topic/).map(({ level }) => level)
    expect(levels.slice(0, 3)).toEqual(['warn', 'debug', 'debug'])
  })
})

describe('what repeats', () => {
  it('is told at once, then after a while with how often it was, and anew when it had stopped', async () => {
    const told: string[] = []
    const repeats = new Repeats(50)
    const tell = (what: string, n: number) => repeats.tell(what, (times) => told.push(`${what} ${n}: ${times}`))
    expect([1, 2, 3, 4].map((n) => tell('a', n))).toEqual([true, false, false, false])
    expect(tell('b', 1)).toBe(true)
    await until(() => told.length >= 3)
    expect(told).toEqual(['a 1: 1', 'b 1: 1', 'a 4: 3'])
    // Asked for more seldom than it takes to be forgotten.
    const forgetful = new Repeats(1)
    expect(forgetful.tell('c', () => undefined)).toBe(true)
    await until(() => forgetful.tell('c', () => undefined))
  })
})

it.skipIf(!hasProgram('script'))('on a terminal the lines are for people', () => {
  const env = { ...process.env, ...stack.env, WEBMON_CONFIG_FILE: 'tests/data/services.yaml' }
  // It ends by itself: the port is taken by the broker.
  const port = stack.env.WEBMON_KAFKA_PORT
  const output = (() => {
    try {
      return execFileSync('script', ['-qec', `${process.execPath} dist/consumer.js`, '/dev/null'], {
        env: { ...env, WEBMON_CONSUMER_HTTP_PORT: port, TERM: 'dumb', NO_COLOR: '1' },
        encoding: 'utf8',
      })
    } catch (error) {
      return String((error as { stdout?: string }).stdout)
    }
  })()
  expect(output).toMatch(/^\[\d\d:\d\d:\d\d\] .*FATAL.*: consumer: consumer\.http: 127\.0\.0\.1:\d+ is taken/m)
  expect(output).not.toContain('{"level"')
})
