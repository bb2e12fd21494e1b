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

/** Messages that are in the topic and not committed, by partition. Of a partition that nobody has read, all. */
export async function lags({ kafka, topic, group }: Topic): Promise<Record<number, number>> {
  const admin = kafka.admin()
  await admin.connect()
  try {
    const ends = await admin.fetchTopicOffsets(topic)
    const [offsets] = await admin.fetchOffsets({ groupId: group, topics: [topic] })
    return Object.fromEntries(
      ends.map(({ partition, high, low }) => {
        const committed = Number(offsets?.partitions.find((one) => one.partition === partition)?.offset ?? -1)
        return [partition, Number(high) - Math.max(committed, Number(low))]
      }),
    )
  } finally {
    await admin.disconnect()
  }
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
