import type { KafkaConfig } from '../config.ts'
import type { Logger } from '../logger.ts'
import { kafkaClient } from './client.ts'
import { rememberingPartitioner, type SentMessage } from './partitioner.ts'

/** A message that Kafka had once. */
export interface Republished {
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly timestamp: Date
}

/** Publishes messages, and returns when all of them have been acknowledged. */
export type Republish = (messages: readonly Republished[]) => Promise<void>

/**
 * Lends a connection to the topic for messages that are published again. Each attempt is a single one, as the
 * publisher's: whoever asked is told, and asks again.
 */
export async function withRepublish<T>(
  config: KafkaConfig,
  clientId: string,
  logger: Logger,
  work: (republish: Republish) => Promise<T>,
): Promise<T> {
  const producer = kafkaClient(config, clientId, logger, { retries: config.brokers.length - 1 }).producer({
    allowAutoTopicCreation: false,
    createPartitioner: rememberingPartitioner,
    idempotent: false,
    retry: { retries: 0 },
  })
  await producer.connect()
  try {
    return await work(async (letters) => {
      const messages: SentMessage[] = letters.map(({ key, value, timestamp }) => {
        return { key, value, timestamp: String(timestamp.getTime()) }
      })
      const answers = await producer.send({ topic: config.topic, messages, acks: -1 })
      const answered = new Set(answers.map(({ partition }) => partition))
      if (!messages.every(({ sentTo }) => sentTo !== undefined && answered.has(sentTo))) {
        throw new Error('Kafka did not acknowledge all of the messages')
      }
    })
  } finally {
    await producer.disconnect()
  }
}
