import type { Kafka } from 'kafkajs'
import type { Logger } from '../logger.ts'
import { messageOf } from '../retry.ts'

interface GapOptions {
  readonly kafka: Kafka
  readonly topic: string
  readonly group: string
  readonly logger: Pick<Logger, 'error' | 'warn'>
}

/**
 * Knows where each partition should go on, and raises an alarm where Kafka has deleted messages before they were stored:
 * kafkajs then goes on at the oldest one that is left, and says nothing.
 */
export class Gaps {
  #committed = new Map<number, bigint>()
  #isFresh = false

  constructor(private readonly options: GapOptions) {}

  /** To be called before the group is joined: where messages are gone, kafkajs commits another offset at once. */
  async read(): Promise<void> {
    const { kafka, topic, group, logger } = this.options
    this.#isFresh = true
    const admin = kafka.admin()
    try {
      await admin.connect()
      const [offsets] = await admin.fetchOffsets({ groupId: group, topics: [topic] })
      const committed = (offsets?.partitions ?? []).filter(({ offset }) => Number(offset) >= 0)
      this.#committed = new Map(committed.map(({ partition, offset }) => [partition, BigInt(offset)]))
    } catch (error) {
      this.#committed.clear()
      logger.warn(`the group's offsets cannot be read: ${messageOf(error)}; messages that are gone cannot be told`)
    } finally {
      await admin.disconnect()
    }
  }

  /** The group was joined, in some cases without a word before; until then others may have had the partitions. */
  async joined(): Promise<void> {
    if (!this.#isFresh) await this.read()
    this.#isFresh = false
  }

  committed(partition: number, offset: bigint): void {
    this.#committed.set(partition, offset)
  }

  /** A batch of this partition begins here. */
  async check(partition: number, first: bigint): Promise<void> {
    const expected = this.#committed.get(partition)
    if (expected === undefined || first <= expected) return
    this.#committed.set(partition, first)
    // An offset can also be missing because it was a mark of a transaction: the start of the log tells.
    const start = await this.#logStart(partition)
    if (start <= expected) return
    const { topic, logger } = this.options
    const gone = Number(start - expected)
    logger.error(
      { topic, partition, messages: gone, committed: String(expected), log_start: String(start) },
      `ALARM: ${gone} messages of ${topic}, partition ${partition}, are gone: Kafka deleted them before they were stored; ` +
        "the topic's retention is shorter than the consumer was away",
    )
  }

  async #logStart(partition: number): Promise<bigint> {
    const admin = this.options.kafka.admin()
    try {
      await admin.connect()
      const offsets = await admin.fetchTopicOffsets(this.options.topic)
      return BigInt(offsets.find((one) => one.partition === partition)?.low ?? 0)
    } finally {
      await admin.disconnect()
    }
  }
}
