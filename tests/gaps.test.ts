import { randomBytes } from 'node:crypto'
import { type Admin, Kafka, logLevel } from 'kafkajs'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest'
import { type Member, startMember } from './helpers/members.ts'
import { until } from './helpers/services.ts'
import { drained, publish, type Topic } from './helpers/topic.ts'

const kafka = new Kafka({ brokers: [inject('kafka')], clientId: 'test', logLevel: logLevel.NOTHING })
let admin: Admin
let topic: Topic
const members: Member[] = []
beforeAll(async () => {
  admin = kafka.admin()
  await admin.connect()
})
beforeEach(async () => {
  const name = `gaps_${randomBytes(6).toString('hex')}`
  topic = { kafka, topic: name, group: name }
  await admin.createTopics({ topics: [{ topic: name, numPartitions: 3 }] })
})
afterEach(async () => {
  await Promise.all(members.splice(0).map((member) => member.stop()))
})
afterAll(() => admin.disconnect())

async function start(store?: () => Promise<void>): Promise<Member> {
  const member = await startMember({ address: inject('kafka'), topic: topic.topic, ...(store && { store }) })
  members.push(member)
  return member
}

async function stop(): Promise<void> {
  await Promise.all(members.splice(0).map((member) => member.stop()))
}

const values = (from: number, to: number) => Array.from({ length: to - from }, (_, n) => String(from + n))
const publishTo = (partition: number, from: number, to: number) => publish(topic, values(from, to), { partition })
/** Of which kafkajs must have heard before: else it finds no leader. */
async function deleteUpTo(partition: number, offset: number): Promise<void> {
  await admin.fetchTopicOffsets(topic.topic)
  await admin.deleteTopicRecords({ topic: topic.topic, partitions: [{ partition, offset: String(offset) }] })
}
const alarms = ({ said }: Member) => said.filter(({ level }) => level === 'error')
const worries = ({ said }: Member) => said.filter(({ level, msg }) => level === 'warn' && !msg.startsWith('Kafka: '))
const gone = (partition: number, messages: number, next: number) => ({
  level: 'error',
  fields: { topic: topic.topic, partition, messages, committed: String(next), log_start: String(next + messages) },
  msg: expect.stringMatching(
    new RegExp(`^ALARM: ${messages} messages of ${topic.topic}, partition ${partition} are gone: `),
  ),
})

describe('messages that Kafka deleted', () => {
  it('while nobody read them are an alarm with their number, and what is left is read', async () => {
    await start()
    await publishTo(0, 0, 10)
    await publishTo(1, 0, 10)
    await drained(topic)
    await stop()
    await publishTo(0, 10, 40)
    await publishTo(1, 10, 20)
    await deleteUpTo(0, 25)
    const member = await start()
    await drained(topic)
    expect(alarms(member)).toEqual([gone(0, 15, 10)])
    expect(member.read.sort()).toEqual([...values(25, 40), ...values(10, 20)].sort())
    await stop()
    // It was said once.
    const next = await start()
    await publishTo(0, 40, 41)
    await drained(topic)
    expect(alarms(next)).toEqual([])
  })

  it('are an alarm at once, also when nothing is left', async () => {
    await start()
    await publishTo(2, 0, 10)
    await drained(topic)
    await stop()
    await publishTo(2, 10, 30)
    await deleteUpTo(2, 30)
    const member = await start()
    await until(() => alarms(member).length > 0)
    expect(alarms(member)).toEqual([gone(2, 20, 10)])
    await publishTo(2, 30, 33)
    await drained(topic)
    expect(member.read).toEqual(values(30, 33))
  })

  it('while a chunk was stored for long are an alarm, too', async () => {
    let stored: (() => void) | undefined
    const member = await start(() => (stored ? Promise.resolve() : new Promise((resolve) => (stored = resolve))))
    await publishTo(0, 0, 10)
    await until(() => stored)
    await publishTo(0, 10, 30)
    await deleteUpTo(0, 25)
    stored?.()
    await drained(topic)
    expect(alarms(member)).toEqual([gone(0, 15, 10)])
    expect(member.read).toEqual([...values(0, 10), ...values(25, 30)])
  })

  it('before the first start of a group are none of its own', async () => {
    await publishTo(0, 0, 30)
    await deleteUpTo(0, 25)
    const member = await start()
    await drained(topic)
    expect(member.read).toEqual(values(25, 30))
    expect([...alarms(member), ...worries(member)]).toEqual([])
  })
})

it('the marks of transactions between messages are no gap', async () => {
  const member = await start()
  const producer = kafka.producer({ transactionalId: topic.topic, idempotent: true, maxInFlightRequests: 1 })
  await producer.connect()
  for (const end of ['commit', 'abort', 'commit'] as const) {
    const transaction = await producer.transaction()
    await transaction.send({ topic: topic.topic, messages: [{ partition: 0, value: end }] })
    await transaction[end]()
  }
  await producer.disconnect()
  await until(() => member.read.length === 2)
  await stop()
  const next = await start()
  await publishTo(0, 6, 7)
  await until(() => next.read.includes('6'))
  expect([...alarms(member), ...worries(member), ...alarms(next), ...worries(next)]).toEqual([])
})

it('a partition that ends before the committed offset is read from its beginning again, with a warning', async () => {
  await start()
  await publishTo(0, 0, 10)
  await drained(topic)
  await stop()
  await admin.setOffsets({
    groupId: topic.group,
    topic: topic.topic,
    partitions: [{ partition: 0, offset: '1000' }],
  })
  const member = await start()
  await until(() => member.read.length === 10)
  expect(alarms(member)).toEqual([])
  expect(worries(member).map(({ msg }) => msg)).toEqual([
    `${topic.topic}, partition 0 ends before offset 1000, where it was to go on: beginning at 0 again`,
  ])
})
