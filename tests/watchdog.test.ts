import { setTimeout as sleep } from 'node:timers/promises'
import { Kafka, logLevel } from 'kafkajs'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type LocalKafka, startKafka } from '../local/kafka.ts'
import { freePort } from '../local/ports.ts'
import { KafkaProxy } from './helpers/kafkaProxy.ts'
import { type Member, startMember } from './helpers/members.ts'
import { Service, stopServices, until } from './helpers/services.ts'
import { createDatabase, databaseEnv } from './helpers/stack.ts'
import { publish, type Topic } from './helpers/topic.ts'

/** In place of 35: kafkajs's own patience with one answer, 30 s, is tested with the process. */
const stallSeconds = 4

// A Kafka of its own, behind a proxy that it believes to be itself.
let kafka: LocalKafka
let proxy: KafkaProxy
let address: string
let topic: Topic
let topics = 0
/** Since when its fetches have no answer. */
let deaf: { consumer: Service; sinceMs: number }
const members: Member[] = []
beforeAll(async () => {
  proxy = new KafkaProxy()
  const [port, brokerPort] = [await proxy.listen(), await freePort()]
  proxy.target(brokerPort)
  address = `127.0.0.1:${port}`
  kafka = await startKafka({
    port: brokerPort,
    properties: { 'advertised.listeners': `PLAINTEXT://${address}` },
  })
  // It takes its time, in which the first of the others run.
  const consumer = await startProcess('deaf')
  proxy.rule({ kind: 'fetch', client: 'deaf consumer', fate: 'unanswered' })
  deaf = { consumer, sinceMs: performance.now() }
})
beforeEach(async () => {
  const name = `watched${topics++}`
  topic = { kafka: new Kafka({ brokers: [address], logLevel: logLevel.NOTHING }), topic: name, group: name }
  const admin = topic.kafka.admin()
  await admin.connect()
  await admin.createTopics({ topics: [{ topic: name, numPartitions: 4 }] })
  await admin.disconnect()
})
afterEach(async () => {
  await Promise.all(members.splice(0).map((member) => member.stop()))
})
afterAll(async () => {
  await stopServices()
  proxy.close()
  await kafka.stop()
})

async function start({ clientId = 'test', store }: { clientId?: string; store?: () => Promise<void> } = {}) {
  const member = await startMember({ address, topic: topic.topic, stallSeconds, clientId, ...(store && { store }) })
  members.push(member)
  return member
}

async function startProcess(name: string): Promise<Service> {
  const [host, port] = address.split(':') as [string, string]
  const consumer = new Service('consumer', {
    ...databaseEnv(await createDatabase()),
    WEBMON_APPLICATION_NAME: name,
    WEBMON_KAFKA_SERVER: host,
    WEBMON_KAFKA_PORT: port,
    WEBMON_KAFKA_TOPIC: topic?.topic ?? name,
    WEBMON_KAFKA_CONSUMER_GROUP: topic?.topic ?? name,
  })
  await consumer.logged(/^joined the group$/)
  return consumer
}

const joins = ({ said }: Member) => said.filter(({ msg }) => msg === 'joined the group').length

/** One of them reads what is published. */
async function read(value: string, ...readers: Member[]): Promise<void> {
  await publish(topic, [value])
  await until(() => readers.some((reader) => reader.read.includes(value)))
  expect(readers.flatMap(({ crashes }) => crashes)).toEqual([])
}

describe('a consumer', () => {
  it('whose heartbeats are not answered any more ends: it would be put out of the group', async () => {
    const member = await start({ clientId: 'heartless' })
    await read('one', member)
    proxy.rule({ kind: 'heartbeat', client: 'heartless', fate: 'unanswered' })
    await until(() => member.crashes.length > 0)
    expect(member.crashes).toEqual([expect.stringMatching(/^no heartbeat for \d+ s although Kafka answers; /)])
  })

  it('does not end while a chunk takes long to store', async () => {
    let stored: (() => void) | undefined
    const member = await start({
      store: () => (stored ? Promise.resolve() : new Promise<void>((resolve) => (stored = resolve))),
    })
    await publish(topic, ['one'])
    await until(() => stored)
    await sleep(3 * stallSeconds * 1_000)
    stored?.()
    await read('two', member)
    expect(joins(member)).toBe(1)
  })

  it('does not end while the group waits for a member that says nothing', async () => {
    const member = await start()
    const silent = await startProcess('silent')
    await until(() => joins(member) === 2)
    silent.kill('SIGSTOP')
    try {
      const startMs = performance.now()
      const third = await start()
      await until(() => joins(third) > 0)
      expect(performance.now() - startMs).toBeGreaterThan(1.5 * stallSeconds * 1_000)
      await read('one', member, third)
    } finally {
      silent.kill('SIGCONT')
    }
  })

  it('does not end when no broker tells it the coordinator of its group, and goes on by itself', async () => {
    const rule = proxy.rule({ kind: 'findCoordinator', client: 'lost', fate: 'cut' })
    const member = await start({ clientId: 'lost' })
    await until(() => member.said.some(({ msg }) => /^consuming failed: .*coordinator.*; starting again$/.test(msg)))
    rule.end()
    await read('one', member)
  })

  it('starts as soon as it can, when its connection is cut over and over at first', async () => {
    const rule = proxy.rule({ kind: 'metadata', client: 'unlucky', fate: 'cut' })
    const starting = start({ clientId: 'unlucky' })
    await until(() => rule.hits > 2)
    rule.end()
    const member = await starting
    expect(member.said.map(({ msg }) => msg)).toContainEqual(expect.stringMatching(/^subscribing to \w+ failed: /))
    await read('one', member)
  })

  it('whose fetches are not answered any more ends with exit code 1 and one line, within 45 s', async () => {
    const { consumer, sinceMs } = deaf
    const leftMs = 45_000 - (performance.now() - sinceMs)
    expect(await Promise.race([consumer.exited, sleep(leftMs, 'still running')])).toBe(1)
    expect(consumer.log.filter(({ level }) => level === 'fatal').map(({ msg }) => msg)).toEqual([
      expect.stringMatching(
        /^no fetch for (3[5-9]|4\d) s although Kafka answers; ending, so that the supervisor starts me again$/,
      ),
    ])
  })

  it.each<[string, () => unknown, () => unknown]>([
    [
      'stands still',
      () => process.kill(kafka.process.pid, 'SIGSTOP'),
      () => process.kill(kafka.process.pid, 'SIGCONT'),
    ],
    ['is killed', () => kafka.kill(), () => kafka.start()],
  ])('does not end while the broker %s, and goes on by itself', async (_, take, giveBack) => {
    const member = await start()
    await read('one', member)
    await take()
    await sleep(3 * stallSeconds * 1_000)
    await giveBack()
    await read('two', member)
  })
})
