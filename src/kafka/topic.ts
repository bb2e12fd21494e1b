import type { Admin, ITopicConfig, Kafka } from 'kafkajs'
import type { KafkaConfig } from '../config.ts'
import type { Logger } from '../logger.ts'
import { messageOf, type RetryOptions, retry } from '../retry.ts'
import { type ClientLogger, kafkaClient } from './client.ts'

const retentionMs = 30 * 86_400_000

/**
 * Waits for the broker and makes the topic when it is missing: both services do, because a consumer that subscribes to
 * a missing topic dies. An existing topic is never altered.
 *
 * @throws only when the signal is aborted
 */
export async function ensureTopic(config: KafkaConfig, clientId: string, options: RetryOptions): Promise<void> {
  // One attempt at a time: `retry` waits, and says so.
  const kafka = kafkaClient(config, clientId, quiet(options.logger), { retries: 0 })
  await retry(
    `preparing the topic ${config.topic} at ${config.brokers.join(', ')}`,
    () => ensureTopicOnce(kafka, config, options),
    options,
  )
}

/** What kafkajs says of a failed attempt is in the line of `retry` already. */
function quiet(logger: Logger): ClientLogger {
  const debug = logger.debug.bind(logger)
  return { debug, warn: debug }
}

async function ensureTopicOnce(kafka: Kafka, config: KafkaConfig, options: RetryOptions): Promise<void> {
  const admin = kafka.admin()
  try {
    await admin.connect()
    if (await exists(admin, config.topic)) return
    const { brokers } = await admin.describeCluster()
    const replicas = brokers.length >= 3 ? 3 : 1
    try {
      await admin.createTopics({ topics: [topicSettings(config, replicas)] })
      options.logger.info({ topic: config.topic, partitions: config.partitions, replicas }, 'topic is there')
    } catch (error) {
      if (!/not authorized/i.test(messageOf(error))) throw error
      throw new Error(
        `topic ${config.topic} is missing, or hidden, and may not be created with these rights; run: ${topicCommand(config, replicas)}`,
      )
    }
  } finally {
    await admin.disconnect()
  }
}

/** The topic as webmon makes it. */
export function topicSettings({ topic, partitions }: KafkaConfig, replicas: number): ITopicConfig {
  const configEntries = [
    { name: 'retention.ms', value: String(retentionMs) },
    ...(replicas === 3 ? [{ name: 'min.insync.replicas', value: '2' }] : []),
  ]
  return { topic, numPartitions: partitions, replicationFactor: replicas, configEntries }
}

/** The command that makes the same. */
export function topicCommand(config: KafkaConfig, replicas: number): string {
  const configs = topicSettings(config, replicas).configEntries?.map(({ name, value }) => ` --config ${name}=${value}`)
  return (
    `kafka-topics.sh --bootstrap-server ${config.brokers[0]} --create --topic ${config.topic} ` +
    `--partitions ${config.partitions} --replication-factor ${replicas}${configs?.join('')}`
  )
}

/** Asked by the list of all: asking for one by name makes it, on a broker with auto.create.topics.enable. */
async function exists(admin: Admin, topic: string): Promise<boolean> {
  return (await admin.listTopics()).includes(topic)
}
