import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { freePort } from '../local/ports.ts'
import { Standstills } from '../src/standstills.ts'
import { scrape } from './helpers/metrics.ts'
import { type OwnWebsite, startWebsite } from './helpers/ownWebsite.ts'
import { Service, stopServices, until } from './helpers/services.ts'
import { createStack, type Stack } from './helpers/stack.ts'
import { startConsumer } from './helpers/startConsumer.ts'

describe('a standstill', () => {
  const told: number[] = []
  const standstills = new Standstills()
  standstills.onEnd((forMs) => told.push(forMs))
  afterAll(() => standstills.stop())
  const block = (ms: number) => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)

  it('is known before the first timer goes off, and is told of once', async () => {
    const beforeMs = standstills.now()
    block(2_000)
    expect(standstills.since(beforeMs)).toBe(true)
    expect(told).toHaveLength(1)
    expect(told[0]).toBeGreaterThanOrEqual(2_000)
    expect(standstills.since(standstills.now())).toBe(false)
    await sleep(600)
    expect(told).toHaveLength(1)
  })

  it('is not a busy event loop', async () => {
    told.length = 0
    for (let n = 0; n < 5; n++) {
      const startMs = performance.now()
      block(300)
      await sleep(10)
      // A machine that gives this test no processor for so long has one.
      if (performance.now() - startMs > 900) told.length = 0
    }
    expect(told).toEqual([])
  })
})

/** A website that answers after a second, unless it is asked for `/hangs`. */
let server: OwnWebsite
let asked = 0
let url: string
let stack: Stack
beforeAll(async () => {
  server = await startWebsite(({ url }, response) => {
    asked++
    if (url !== '/hangs') setTimeout(() => response.end('Hello'), 1_000)
  })
  url = server.url
})
beforeEach(async () => {
  asked = 0
  stack = await createStack()
  await startConsumer(stack)
})
afterEach(async () => {
  await stopServices()
  await stack.stop()
})
afterAll(() => server.stop())

async function startProducer(intervalSeconds: number, http = '0'): Promise<Service> {
  return new Service('producer', {
    ...stack.env,
    WEBMON_MONITORING_INTERVAL: String(intervalSeconds),
    WEBMON_MONITORING_TIMEOUT: '4',
    WEBMON_PRODUCER_HTTP_PORT: http,
  })
}

/** For longer than a check may take. */
async function standStill(producer: Service): Promise<void> {
  producer.kill('SIGSTOP')
  await sleep(6_000)
  producer.kill('SIGCONT')
}

async function entries(website: string): Promise<{ error: string | null; response_time: number; at: Date }[]> {
  const sql = `SELECT error, response_time, check_entry."timestamp" AS at FROM check_entry JOIN website USING (website_id)
                WHERE name LIKE $1 ORDER BY at`
  return (await stack.pool.query(sql, [website])).rows
}

describe('a producer that stood still', () => {
  it('checks again what it was at, and calls no website unavailable but the one that hangs', async () => {
    await stack.pool.query("INSERT INTO website (name, url) SELECT 'slow ' || n, $1 FROM generate_series(1, 60) AS n", [
      url,
    ])
    await stack.pool.query("INSERT INTO website (name, url) VALUES ('hangs', $1)", [`${url}/hangs`])
    const producer = await startProducer(20)
    // Three a second, of a second each.
    await until(() => asked >= 10)
    await standStill(producer)
    const { checks } = await producer.logged(
      /^this process stood still for [67]\.\d s \(.*\): the checks under way \(\d+\) are done again/,
    )
    expect(checks).toBeGreaterThanOrEqual(1)
    await until(async () => (await entries('hangs')).some(({ error }) => error === 'timeout'), 60_000)
    await until(async () => (await entries('slow %')).length >= 60)
    const slow = await entries('slow %')
    expect(slow.filter(({ error }) => error !== null)).toEqual([])
    expect(Math.max(...slow.map(({ response_time }) => response_time))).toBeLessThan(4_000)
    expect(asked).toBeGreaterThan(slow.length)
    const lines = producer.log.filter(({ msg }) => msg.startsWith('this process stood still'))
    expect(lines).toHaveLength(1)
  }, 120_000)

  it('counts a turn that is over as missed', async () => {
    await stack.pool.query("INSERT INTO website (name, url) VALUES ('slow', $1)", [url])
    const port = await freePort()
    const producer = await startProducer(2, String(port))
    await until(async () => (await entries('slow')).length >= 1)
    const before = asked
    await until(() => asked > before)
    await standStill(producer)
    await producer.logged(/^this process stood still .*: the checks under way \(1\) are done again/)
    const missed = async () => (await scrape(port)).get('webmon_checks_missed_total') ?? 0
    await until(async () => (await missed()) >= 3)
    await until(async () => (await entries('slow')).length >= 3)
    expect((await entries('slow')).filter(({ error }) => error !== null)).toEqual([])
  })
})
