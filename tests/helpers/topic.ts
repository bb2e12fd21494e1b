import type { Kafka } from 'kafkajs'
import { until } from './services.ts'

/** A topic, and the group that reads it. */
export interface Topic {
  readonly kafka: Kafka
  readonly topic: string
  readonly group: string
}

export async function publish(
  { kafka, topic }: Topic,
  values: readonly (string | Buffer | null)[],
  { key = null as string | null, partition = undefined as number | undefined } = {},
): Promise<void> {
  const producer = kafka.producer()
  await producer.connect()
  try {
    const to = partition === undefined ? {} : { partition }
    await producer.send({ topic, messages: values.map((value) => ({ key, value, ...to })) })
  } finally {
    await producer.disconnect()
  }
}

/** By partition: the offsets of the oldest message that there is, of the next one to come, and what is committed. */
async function offsets({ kafka, topic, group }: Topic) {
  const admin = kafka.admin()
  await admin.connect()
  try {
    const ends = await admin.fetchTopicOffsets(topic)
    const [known] = await admin.fetchOffsets({ groupId: group, topics: [topic] })
    return ends.map(({ partition, low, high }) => {
      const committed = known?.partitions.find((one) => one.partition === partition)?.offset ?? -1
      return { partition, low: Number(low), high: Number(high), committed: Math.max(Number(committed), Number(low)) }
    })
  } finally {
    await admin.disconnect()
  }
}

/** Messages that are in the topic and not committed, by partition. Of a partition that nobody has read, all. */
export async function lags(topic: Topic): Promise<Record<number, number>> {
  // What is committed is asked for later than the end: there can be more of it by then.
  return Object.fromEntries(
    (await offsets(topic)).map(({ partition, high, committed }) => [partition, Math.max(0, high - committed)]),
  )
}

/** Waits until more is committed of any partition. @returns how long that took, in seconds */
export async function secondsToCommit(topic: Topic, withinMs: number): Promise<number> {
  const startMs = performance.now()
  let first: number | undefined
  await until(
    async () => {
      const all = await offsets(topic).catch(() => undefined)
      const sum = all?.reduce((total, { committed }) => total + committed, 0)
      first ??= sum
      return sum !== undefined && first !== undefined && sum > first
    },
    withinMs,
    () => 'an offset to be committed',
  )
  return (performance.now() - startMs) / 1000
}

/** Waits until everything that is in the topic has been stored and committed. */
export async function drained(topic: Topic, withinMs = 30_000): Promise<void> {
  let lag: Record<number, number> = {}
  await until(
    async () => {
      lag = await lags(topic)
      return Object.values(lag).every((messages) => messages === 0)
    },
    withinMs,
    () => `the lag to be 0; it is ${JSON.stringify(lag)}`,
  )
}
