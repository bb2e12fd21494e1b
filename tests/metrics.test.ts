import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { isDeepStrictEqual } from 'node:util'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { freePort } from '../local/ports.ts'
import { checkErrors } from '../src/check/checkError.ts'
import { encode } from '../src/message.ts'
import { ConsumerMetrics } from '../src/metrics/consumerMetrics.ts'
import { ProducerMetrics } from '../src/metrics/producerMetrics.ts'
import { checkEntry } from './helpers/entries.ts'
import { scrape, scrapeText, sum, tableOf } from './helpers/metrics.ts'
import { hasProgram } from './helpers/programs.ts'
import { Service, stopServices, until } from './helpers/services.ts'
import { createStack, type Stack } from './helpers/stack.ts'
import { drained, publish } from './helpers/topic.ts'
import { startWebsites, type Websites } from './helpers/websites.ts'

const read = (name: string) => readFileSync(new URL(`../${name}`, import.meta.url), 'utf8')

let stack: Stack
let websites: Websites
let ports: { producer: number; consumer: number }
let env: Record<string, string>
beforeAll(async () => {
  ;[stack, websites] = await Promise.all([createStack(), startWebsites()])
  ports = { producer: await freePort(), consumer: await freePort() }
  env = {
    ...stack.env,
    WEBMON_PRODUCER_HTTP_PORT: String(ports.producer),
    WEBMON_CONSUMER_HTTP_PORT: String(ports.consumer),
  }
})
afterEach(stopServices)
afterAll(async () => {
  await websites.stop()
  await stack.stop()
})

/** Waits until the metric, of all series with this name, or the one series, has a value. */
async function untilIs(port: number, name: string, wanted: (value: number) => boolean): Promise<void> {
  let value: number | undefined
  await until(
    async () => {
      value = sum(await scrape(port), name)
      return wanted(value)
    },
    30_000,
    () => `${name} to be ${wanted}; it is ${value}`,
  )
}

async function insert(columns: Record<string, unknown>): Promise<void> {
  const names = Object.keys(columns)
  const places = names.map((_, n) => `$${n + 1}`)
  await stack.pool.query(
    `INSERT INTO website (${names.join(', ')}) VALUES (${places.join(', ')})`,
    Object.values(columns),
  )
}

describe('the metrics', () => {
  it('are those of the README, word for word', () => {
    const registries = { producer: new ProducerMetrics().registry, consumer: new ConsumerMetrics().registry }
    const rows = read('README.md')
      .split('\n')
      .filter((line) => /^\| `webmon_\w+` \| (both|producer|consumer) \|/.test(line))
    expect(rows.join('\n')).toBe(tableOf(registries))
  })
})

describe('the producer', () => {
  it('counts what it does, and names no website', async () => {
    const consumer = new Service('consumer', stack.env)
    await consumer.logged(/^started$/)
    await stack.pool.query('DELETE FROM website')
    await insert({ name: 'the good one', url: websites.urlOf('/hello') })
    await insert({ name: 'the broken one', url: websites.urlOf('/status/500') })
    await insert({ name: 'the refused one', url: websites.urlOf('http://127.0.0.1:CLOSED/') })
    await insert({ name: 'the slow one', url: websites.urlOf('/hang'), timeout: 2 })
    await new Service('producer', env).logged(/^started$/)
    const series = (outcome: string, error: string) => `webmon_checks_total{outcome="${outcome}",error="${error}"}`
    const first = await scrape(ports.producer)
    // Each is there from the start, so that an increase from nothing is seen.
    for (const error of ['none', ...Object.keys(checkErrors)])
      expect(first.has(series('unavailable', error))).toBe(true)
    await untilIs(ports.producer, series('unavailable', 'timeout'), (value) => value >= 2)
    const metrics = await scrape(ports.producer)
    expect(metrics.get(series('available', 'none'))).toBeGreaterThanOrEqual(2)
    expect(metrics.get(series('unavailable', 'none'))).toBeGreaterThanOrEqual(2)
    expect(metrics.get(series('unavailable', 'refused'))).toBeGreaterThanOrEqual(2)
    const ended = sum(metrics, 'webmon_checks_total')
    expect(metrics.get('webmon_check_duration_seconds_count')).toBe(ended)
    expect(metrics.get('webmon_check_duration_seconds_bucket{le="+Inf"}')).toBe(ended)
    expect(metrics.get('webmon_check_duration_seconds_sum')).toBeGreaterThan(4)
    const begun = metrics.get('webmon_check_late_seconds_count')
    expect(begun).toBeGreaterThanOrEqual(ended)
    expect(begun).toBeLessThanOrEqual(ended + (metrics.get('webmon_checks_running') ?? 0))
    // Due each second, and under way for two.
    await untilIs(ports.producer, 'webmon_checks_missed_total', (value) => value >= 1)
    await untilIs(ports.producer, 'webmon_checks_running', (value) => value >= 1)
    expect(metrics.get('webmon_checks_due_per_second')).toBeCloseTo(4)
    expect(metrics.get('webmon_publish_duration_seconds_count')).toBeGreaterThan(1)
    expect(metrics.get('webmon_publish_failures_total')).toBe(0)
    await untilIs(ports.producer, 'webmon_spool_entries', (value) => value === 0)
    expect(metrics.get('webmon_spool_limit_bytes')).toBe(1_000_000_000)
    expect(metrics.get('webmon_build_info{version="1.0.0"}')).toBe(1)
    expect(metrics.get('nodejs_eventloop_lag_seconds')).toBeGreaterThan(0)
    expect(await scrapeText(ports.producer)).not.toMatch(/(good|broken|refused|slow) one|127\.0\.0\.1/)
  })
})

describe('the consumer', () => {
  it('counts what it stores, what came again, and what became of the rest', async () => {
    await new Service('consumer', env).logged(/^joined the group$/)
    await stack.pool.query('DELETE FROM website')
    const values = Array.from({ length: 20 }, () => encode(checkEntry({ timestamp: new Date(Date.now() - 60_000) })))
    // What the test before has published counts before.
    await drained(stack)
    const before = await scrape(ports.consumer)
    const since = async (name: string) => sum(await scrape(ports.consumer), name) - sum(before, name)
    await publish(stack, [...values, 'hello', ''])
    await drained(stack)
    await publish(stack, values.slice(0, 5))
    await drained(stack)
    expect(await since('webmon_entries_stored_total')).toBe(20)
    expect(await since('webmon_entries_duplicate_total')).toBe(5)
    expect(await since('webmon_dead_letters_total{reason="syntax"}')).toBe(1)
    expect(await since('webmon_dead_letters_total{reason="empty"}')).toBe(1)
    expect(await since('webmon_batch_entries_sum')).toBe(27)
    expect(await since('webmon_insert_duration_seconds_count')).toBe(await since('webmon_batch_entries_count'))
    expect(await since('webmon_entry_age_seconds_count')).toBe(25)
    expect((await scrape(ports.consumer)).get('webmon_rebalances_total')).toBe(1)
  })

  it('tells the age of an entry from the end of its check', async () => {
    await new Service('consumer', env).logged(/^joined the group$/)
    const ended = Date.now() - 3_600_000
    const hex = ended.toString(16).padStart(12, '0')
    const id = `${hex.slice(0, 8)}-${hex.slice(8)}-7000-8000-000000000001`
    await publish(stack, [encode(checkEntry({ id, timestamp: new Date(ended - 7_200_000) }))])
    await drained(stack)
    const age = sum(await scrape(ports.consumer), 'webmon_entry_age_seconds_sum')
    expect(age).toBeGreaterThan(3_600)
    expect(age).toBeLessThan(3_700)
  })

  it('tells the lag also while it stands still, and of its own partitions alone', async () => {
    const [one, two] = [new Service('consumer', env), new Service('consumer', stack.env)]
    const held = (service: Service) =>
      service.log.filter(({ msg }) => msg === 'joined the group').at(-1)?.partitions as number[] | undefined
    await until(() => held(one)?.length === 3 && held(two)?.length === 3)
    await stack.pool.query('ALTER TABLE check_hour RENAME TO away')
    try {
      for (const partition of [0, 1, 2, 3, 4, 5])
        await publish(
          stack,
          Array.from({ length: 10 }, () => encode(checkEntry())),
          { partition },
        )
      await one.logged(/^storing failed: /)
      // On a busy machine one of them can lose its membership for a moment: then the other one has all six.
      await until(async () => {
        const lags = [...(await scrape(ports.consumer))].filter(([series]) => series.startsWith('webmon_consumer_lag{'))
        const own = held(one)?.map((partition) => [`webmon_consumer_lag{partition="${partition}"}`, 10])
        return own?.length === 3 && isDeepStrictEqual(lags.sort(), own.sort())
      })
    } finally {
      await stack.pool.query('ALTER TABLE away RENAME TO check_hour')
    }
    await untilIs(ports.consumer, 'webmon_consumer_lag', (value) => value === 0)
  })

  it('counts the websites by status, and the certificates that end soon', async () => {
    await stack.pool.query('DELETE FROM website')
    const within = (days: number) => new Date(Date.now() + days * 86_400_000 - 60_000)
    await insert({ name: 'a', url: 'http://127.0.0.1/', status: 'active', certificate_expires: within(0) })
    await insert({ name: 'b', url: 'http://127.0.0.1/', status: 'active', certificate_expires: within(14) })
    await insert({ name: 'c', url: 'http://127.0.0.1/', status: 'unavailable', certificate_expires: within(300) })
    await insert({ name: 'd', url: 'http://127.0.0.1/' })
    await insert({
      name: 'e',
      url: 'http://127.0.0.1/',
      status: 'active',
      enabled: false,
      certificate_expires: within(0),
    })
    await new Service('consumer', env).logged(/^started$/)
    const metrics = [...(await scrape(ports.consumer))].filter(([series]) =>
      /^webmon_(websites|certificates)/.test(series),
    )
    expect(Object.fromEntries(metrics)).toEqual({
      'webmon_websites{status="active"}': 2,
      'webmon_websites{status="unavailable"}': 1,
      'webmon_websites{status="unknown"}': 1,
      'webmon_certificates_expiring{within="0d"}': 1,
      'webmon_certificates_expiring{within="3d"}': 1,
      'webmon_certificates_expiring{within="7d"}': 1,
      'webmon_certificates_expiring{within="14d"}': 2,
      'webmon_certificates_expiring{within="30d"}': 2,
    })
  })
})

it.skipIf(!hasProgram('promtool'))('promtool check metrics has nothing to say of either service', async () => {
  await Promise.all((['consumer', 'producer'] as const).map((name) => new Service(name, env).logged(/^started$/)))
  for (const port of Object.values(ports)) {
    const input = await scrapeText(port)
    expect(execFileSync('promtool', ['check', 'metrics'], { input, encoding: 'utf8' })).toBe('')
  }
})
