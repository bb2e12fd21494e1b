import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  type ICustomPartitioner,
  Kafka,
  logLevel,
  type PartitionMetadata,
  type ProducerConfig,
  type ProducerRecord,
} from 'kafkajs'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest'
import { type LocalKafka, startKafka } from '../local/kafka.ts'
import { kafkaClient } from '../src/kafka/client.ts'
import { Publisher } from '../src/kafka/publisher.ts'
import { Spool } from '../src/spool.ts'
import { Service, stopServices, until } from './helpers/services.ts'
import { mountSmallDisk, smallDisks } from './helpers/smallDisk.ts'
import { addWebsites, createSpoolStack, type SpoolStack } from './helpers/stack.ts'
import { startConsumer } from './helpers/startConsumer.ts'
import { startWebsites, type Websites } from './helpers/websites.ts'

const threads = 20

// A Kafka of its own: it is taken away here.
let kafka: LocalKafka
let websites: Websites
let stack: SpoolStack
let env: Record<string, string>

beforeAll(async () => {
  ;[kafka, websites] = await Promise.all([startKafka(), startWebsites()])
})
beforeEach(async () => {
  stack = await createSpoolStack(kafka)
  env = { ...stack.env, WEBMON_PRODUCER_THREADS: String(threads) }
})
afterEach(async () => {
  await stopServices()
  await stack.stop()
})
afterAll(async () => {
  await Promise.all([kafka.stop(), websites.stop()])
})

/** Starts the consumer with 20 websites that are to be checked every second. */
async function prepare(regex = ''): Promise<void> {
  await startConsumer({ ...stack, env })
  await addWebsites(stack, `${websites.url}/hello`, 20, regex)
  websites.log.length = 0
}

async function startProducer(more: Record<string, string> = {}): Promise<Service> {
  const producer = new Service('producer', { ...env, ...more })
  await producer.logged(/^checking 20 websites$/)
  return producer
}

async function stored(): Promise<string[]> {
  const { rows } = await stack.pool.query<{ id: string }>('SELECT check_entry_id AS id FROM check_entry')
  return rows.map(({ id }) => id)
}

async function served(more: number): Promise<void> {
  const before = websites.log.length
  await until(() => websites.log.length >= before + more)
}

/** Of the checks whose write to the spool has returned. */
function finished(...producers: Service[]): string[] {
  return producers.flatMap(({ log }) => log.filter(({ msg }) => /^checked /.test(msg)).map(({ id }) => id as string))
}

describe('the producer', () => {
  it('is killed three times while the broker is away: each finished check is stored once', async () => {
    await prepare()
    const producers = [await startProducer()]
    await until(async () => (await stored()).length > 20)
    await kafka.kill()
    for (let kills = 0; kills < 3; kills++) {
      await served(50)
      producers.at(-1)?.kill('SIGKILL')
      await producers.at(-1)?.exited
      producers.push(await startProducer())
      await producers.at(-1)?.logged(/^the spool \S+ holds \d+ check entries, to be published first$/)
    }
    await served(50)
    await kafka.start()
    await until(async () => (await stored()).length >= 200)
    expect((await producers.at(-1)?.stop())?.code).toBe(0)
    const safe = finished(...producers)
    expect(safe.length).toBeGreaterThan(200)
    await until(async () => (await stored()).length >= safe.length)
    const rows = await stored()
    expect(new Set(rows).size).toBe(rows.length)
    expect(safe.filter((id) => !rows.includes(id))).toEqual([])
    expect(websites.log.length - rows.length).toBeGreaterThanOrEqual(0)
    expect(websites.log.length - rows.length).toBeLessThanOrEqual(3 * threads)
  })

  it('starts checking without a broker, and keeps what is left at a stop for the next start', async () => {
    await prepare()
    await kafka.kill()
    const first = await startProducer()
    await first.logged(/^preparing the topic \S+ at \S+ failed: /)
    await served(60)
    const { code, ms } = await first.stop()
    expect(code).toBe(0)
    expect(ms).toBeLessThan(3_000)
    const left = first.log.find(({ msg }) =>
      /^\d+ check entries stay in the spool: the next start publishes them$/.test(msg),
    )
    expect(left?.entries).toBe(websites.log.length)
    await kafka.start()
    const second = await startProducer()
    await second.logged(/^the spool \S+ holds \d+ check entries, to be published first$/)
    await served(20)
    expect((await second.stop()).code).toBe(0)
    await until(async () => (await stored()).length === websites.log.length)
  })

  it('gives a stop 2 s to publish what a broker does not take any more', async () => {
    await prepare()
    const producer = await startProducer()
    await until(async () => (await stored()).length > 20)
    await kafka.kill()
    await served(20)
    const { code, ms } = await producer.stop()
    expect(code).toBe(0)
    expect(ms).toBeLessThan(5_000)
    await producer.logged(/^\d+ check entries stay in the spool: the next start publishes them$/)
  })

  it('pauses new checks with an alarm when the limit is reached, and has lost nothing when the broker is back', async () => {
    // 7 kB of each entry are its regex.
    await prepare(`Hello|${'x'.repeat(7_000)}`)
    const producer = await startProducer({ WEBMON_PRODUCER_SPOOL_LIMIT: '1MB' })
    await until(async () => (await stored()).length > 20)
    await kafka.kill()
    const alarm = await producer.logged(
      /^new checks pause: the spool \(\/.*\) is full: Kafka has not acknowledged 9\d\dkB, and the limit is 1MB$/,
    )
    expect(alarm.level).toBe('error')
    // What was under way has ended.
    await sleep(500)
    const paused = websites.log.length
    const reminder = await producer.logged(
      /^no new checks for \d+ s now, \d\d+ turns passed unchecked: the spool \(.*\) is full: /,
    )
    expect(reminder).toMatchObject({ level: 'error', unchecked: expect.any(Number) })
    await sleep(2_000)
    expect(websites.log.length).toBe(paused)
    await kafka.start()
    const over = await producer.logged(/^checks go on after \d+ s; \d+ turns passed unchecked$/)
    expect(over).toMatchObject({ level: 'warn', unchecked: expect.any(Number) })
    expect(over.unchecked).toBeGreaterThanOrEqual(40)
    await served(20)
    expect((await producer.stop()).code).toBe(0)
    await until(async () => (await stored()).length === websites.log.length)
    expect(producer.log.filter(({ msg }) => msg.startsWith('new checks pause'))).toHaveLength(1)
    expect(new Set(await stored()).size).toBe(websites.log.length)
  })

  it('ends with exit code 1 and one line when its spool cannot be written', async () => {
    writeFileSync(path.join(stack.folder, 'spool'), '')
    const producer = new Service('producer', env)
    expect(await producer.exited).toBe(1)
    expect(producer.log.filter(({ level }) => level === 'fatal').map(({ msg }) => msg)).toEqual([
      `producer.spool.path: ${stack.folder}/spool cannot be used (EEXIST: file already exists, mkdir '${stack.folder}/spool'): it must be a folder in which this user can write, on a disk with room`,
    ])
  })

  it('warns when it has no spool, and says at its end how many entries are lost', async () => {
    const config = path.join(stack.folder, 'config.yaml')
    writeFileSync(config, "monitoring:\n  interval: 1\nproducer:\n  spool:\n    path: ''\n")
    const { WEBMON_PRODUCER_SPOOL_PATH: _, ...others } = env
    env = { ...others, WEBMON_CONFIG_FILE: config, WEBMON_PRODUCER_SPOOL_PATH: '' }
    await prepare()
    const producer = await startProducer()
    expect(producer.log).toContainEqual(
      expect.objectContaining({ level: 'warn', msg: expect.stringMatching(/^producer\.spool\.path is empty: /) }),
    )
    await until(async () => (await stored()).length > 20)
    await kafka.kill()
    await served(20)
    const { code, ms } = await producer.stop()
    expect(code).toBe(0)
    expect(ms).toBeLessThan(8_000)
    const lost = await producer.logged(/^Kafka did not acknowledge \d+ check entries in time; lost$/)
    expect(lost.level).toBe('error')
  })
})

describe.skipIf(!smallDisks)('the producer on a full disk (tmpfs)', () => {
  it('pauses new checks with an alarm, goes on when there is room, and has lost nothing', async () => {
    const spool = env.WEBMON_PRODUCER_SPOOL_PATH as string
    mkdirSync(spool)
    const disk = mountSmallDisk(spool, 60)
    try {
      await prepare()
      const producer = await startProducer()
      await until(async () => (await stored()).length > 20)
      disk.fill()
      const alarm = await producer.logged(
        /^new checks pause: the spool \(.*\) (cannot be written: .*No space left|is short of room)/,
      )
      expect(alarm.level).toBe('error')
      await sleep(3_000)
      const paused = websites.log.length
      await sleep(2_000)
      expect(websites.log.length).toBe(paused)
      disk.empty()
      await producer.logged(/^checks go on after \d+ s; \d+ turns passed unchecked$/)
      await served(20)
      expect((await producer.stop()).code).toBe(0)
      await until(async () => (await stored()).length === websites.log.length)
    } finally {
      await stopServices()
      disk.unmount()
    }
  })
})

describe('the publisher', () => {
  it('leaves an entry that Kafka refuses in the spool, and publishes all others', async () => {
    const lines: { entries: Record<string, unknown>; text: string }[] = []
    const note = (entries: Record<string, unknown>, text: string) => void lines.push({ entries, text })
    const logger = { trace: note, debug: note, info: note, warn: note, error: note, fatal: note } as never
    const { topic } = stack
    const broker = inject('kafka')
    const client = new Kafka({ brokers: [broker], logLevel: logLevel.NOTHING })
    const admin = client.admin()
    await admin.connect()
    await admin.createTopics({
      topics: [{ topic, numPartitions: 3, configEntries: [{ name: 'max.message.bytes', value: '5000' }] }],
    })
    const aborting = new AbortController()
    const spool = await Spool.open({ path: path.join(stack.folder, 'spool'), limitBytes: 1e9 }, logger, aborting.signal)
    const kafkaConfig = { brokers: [broker], topic, partitions: 3, group: '', tls: null, sasl: null }
    const publisher = new Publisher(kafkaClient(kafkaConfig, 'test', logger), topic, spool, logger)
    await Promise.all(
      Array.from({ length: 500 }, (_, n) => spool.add(`key ${n}`, 'x'.repeat(n === 77 || n === 300 ? 9_000 : 100))),
    )
    await publisher.start((error) => expect.unreachable(String(error)))
    await until(() => spool.entries === 2)
    await publisher.close(aborting.signal)
    await spool.close()
    const refused = lines.filter(({ text }) => text.startsWith('Kafka refuses a check entry: '))
    expect(refused.map(({ entries }) => entries.website_id)).toEqual(['key 77', 'key 300'])
    expect(lines.at(-1)?.text).toBe('2 check entries stay in the spool: the next start publishes them')
    const offsets = await admin.fetchTopicOffsets(topic)
    expect(offsets.reduce((sum, { high }) => sum + Number(high), 0)).toBeGreaterThanOrEqual(498)
    await admin.disconnect()
  })

  it('sends a batch again when the answer leaves out one of its partitions', async () => {
    // kafkajs did so when a leader moved, which takes a Kafka of several brokers.
    const sends: number[] = []
    const answerOf = (partitions: number[]) => partitions.map((partition) => ({ topicName: 'topic', partition }))
    const client = {
      producer({ createPartitioner }: ProducerConfig) {
        const partitionOf = createPartitioner?.() as ReturnType<ICustomPartitioner>
        const partitionMetadata = [0, 1].map((partitionId) => ({ partitionId, leader: 1 })) as PartitionMetadata[]
        return {
          async connect() {},
          async disconnect() {},
          async send({ messages }: ProducerRecord) {
            for (const message of messages) partitionOf({ topic: 'topic', partitionMetadata, message })
            return answerOf(sends.push(messages.length) === 1 ? [0] : [0, 1])
          },
        }
      },
    }
    const lines: string[] = []
    const note = (_: unknown, text: string) => void lines.push(text)
    const logger = { trace: note, debug: note, info: note, warn: note, error: note, fatal: note } as never
    const spool = await Spool.open(
      { path: path.join(stack.folder, 'spool'), limitBytes: 1e9 },
      logger,
      new AbortController().signal,
    )
    await Promise.all(Array.from({ length: 50 }, (_, n) => spool.add(`key ${n}`, 'value')))
    const publisher = new Publisher(client as unknown as Kafka, 'topic', spool, logger)
    await publisher.start((error) => expect.unreachable(String(error)))
    await until(() => spool.entries === 0)
    expect(sends).toEqual([50, 50])
    expect(lines).toEqual(['publishing failed: no answer for partition 1; sending again in 0.1 s'])
    await publisher.close(new AbortController().signal)
    await spool.close()
  })
})
