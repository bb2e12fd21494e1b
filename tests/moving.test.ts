import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { Kafka, logLevel } from 'kafkajs'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type LocalKafka, startKafka } from '../local/kafka.ts'
import { disagreements } from './helpers/agreement.ts'
import { Service, stopServices, until } from './helpers/services.ts'
import { createStack, type Stack } from './helpers/stack.ts'
import { drained, type Topic } from './helpers/topic.ts'
import { startWebsites, type Websites } from './helpers/websites.ts'

// The steps are those of docs/operations.md.

let stack: Stack
let websites: Websites
let folder: string
let env: Record<string, string>
let consumer: Service
let producer: Service
beforeEach(async () => {
  ;[stack, websites] = await Promise.all([createStack(), startWebsites()])
  folder = mkdtempSync(path.join(tmpdir(), 'webmon-moving-'))
  // The spool outlives the producer, as it does elsewhere.
  env = { ...stack.env, WEBMON_PRODUCER_SPOOL_PATH: path.join(folder, 'spool') }
  consumer = new Service('consumer', env)
  await consumer.logged(/^started$/)
  await stack.pool.query('DELETE FROM website')
  await stack.pool.query(
    "INSERT INTO website (name, url) SELECT 'website ' || n, $1 FROM generate_series(1, 50) AS n",
    [websites.urlOf('/hello')],
  )
  producer = new Service('producer', env)
  await until(async () => (await stored()) > 50)
})
afterEach(async () => {
  await stopServices()
  await Promise.all([stack.stop(), websites.stop()])
  rmSync(folder, { recursive: true })
})

const stored = async () => Number((await stack.pool.query('SELECT count(*) AS n FROM check_entry')).rows[0].n)

async function restart(service: Service, more: Record<string, string> = {}): Promise<Service> {
  expect((await service.stop()).code).toBe(0)
  const next = new Service(service.name, { ...env, ...more })
  await next.logged(/^started$/)
  return next
}

/** Every check that the websites saw is a row, once. */
async function expectAllStored(): Promise<void> {
  expect((await producer.stop()).code).toBe(0)
  await until(async () => (await stored()) === websites.log.length)
  expect(await disagreements(stack.pool)).toEqual([])
}

it('to another topic loses nothing: the producer first, the consumers when the old one is drained', async () => {
  const more = { WEBMON_KAFKA_TOPIC: `${stack.topic}_next` }
  producer = await restart(producer, more)
  const checked = websites.log.length
  await until(() => websites.log.length > checked + 50)
  await drained(stack)
  const waiting = await stored()
  expect(waiting).toBeLessThan(websites.log.length)
  consumer = await restart(consumer, more)
  await until(async () => (await stored()) > waiting + 50)
  await expectAllStored()
})

describe('to another Kafka', () => {
  let kafka: LocalKafka
  beforeEach(async () => {
    kafka = await startKafka()
  })
  afterEach(async () => {
    // A consumer that has lost its broker takes its time to stop.
    await stopServices()
    await kafka.stop()
  })

  it('loses nothing: the producer first, the consumers when the old one is drained', async () => {
    const more = { WEBMON_KAFKA_SERVER: kafka.host, WEBMON_KAFKA_PORT: String(kafka.port) }
    producer = await restart(producer, more)
    const checked = websites.log.length
    await until(() => websites.log.length > checked + 50)
    await drained(stack)
    const waiting = await stored()
    consumer = await restart(consumer, more)
    await until(async () => (await stored()) > waiting + 50)
    await expectAllStored()
    const moved: Topic = {
      kafka: new Kafka({ brokers: [kafka.address], logLevel: logLevel.NOTHING }),
      topic: stack.topic,
      group: stack.group,
    }
    await drained(moved)
  })
})

describe('the offsets of the group', () => {
  /** As kafka-consumer-groups.sh does it: to real offsets. */
  async function reset(to: 'low' | 'high'): Promise<void> {
    const admin = stack.kafka.admin()
    await admin.connect()
    const offsets = await admin.fetchTopicOffsets(stack.topic)
    const partitions = offsets.map((ends) => ({ partition: ends.partition, offset: ends[to] }))
    await admin.setOffsets({ groupId: stack.group, topic: stack.topic, partitions })
    await admin.disconnect()
  }

  it('back: what comes again is there once, in the rollups too', async () => {
    expect((await producer.stop()).code).toBe(0)
    await drained(stack)
    expect((await consumer.stop()).code).toBe(0)
    await reset('low')
    consumer = new Service('consumer', env)
    await consumer.logged(/ [1-9]\d* came again/)
    await drained(stack)
    await expectAllStored()
  })

  it('forward: what is passed over is never stored', async () => {
    expect((await consumer.stop()).code).toBe(0)
    const before = await stored()
    const checked = websites.log.length
    await until(() => websites.log.length > checked + 50)
    expect((await producer.stop()).code).toBe(0)
    await reset('high')
    consumer = new Service('consumer', env)
    await consumer.logged(/^joined the group$/)
    await drained(stack)
    expect(await stored()).toBe(before)
    expect(websites.log.length).toBeGreaterThan(before + 49)
  })
})
