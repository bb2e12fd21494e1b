import type { Cluster, PartitionAssigner } from 'kafkajs'
import OffsetManager from 'kafkajs/src/consumer/offsetManager/index.js'
import type { Logger } from '../logger.ts'

interface TopicPartition {
  readonly topic: string
  readonly partition: number
}

/** kafkajs's keeper of the offsets of one consumer. */
interface Offsets {
  readonly cluster: Cluster & {
    fetchTopicsOffset(
      topics: { topic: string; partitions: { partition: number }[]; fromBeginning: boolean }[],
    ): Promise<{ partitions: { offset: string }[] }[]>
  }
  nextOffset(topic: string, partition: number): { toString(): string }
  setDefaultOffset(place: TopicPartition): Promise<void>
}

/**
 * Raises an alarm where Kafka has deleted messages before they were stored: kafkajs goes on at the oldest one that is
 * left, commits that, and says nothing. Where messages are missing in between (marks of transactions, compaction) Kafka
 * knows the offset, and it is no gap; nor is the first start of a group, which has no offset yet.
 */
export class Gaps {
  /** By partition: a reset that fails is tried again. */
  readonly #told = new Map<number, string>()

  /** @param onGone so many messages were deleted before they were stored */
  constructor(
    private readonly logger: Pick<Logger, 'error' | 'warn'>,
    private readonly onGone: (messages: number) => void = () => undefined,
  ) {}

  /** Of the consumer that is given this assigner: nothing else is told whose offsets are whose. */
  watch(assigner: PartitionAssigner): PartitionAssigner {
    tellOfResets()
    return (config) => {
      watched.set(config.cluster, this)
      return assigner(config)
    }
  }

  /** Kafka does not have the next offset of a partition. A failure is kafkajs's: it fetches again, and comes here again. */
  async reset(offsets: Offsets, { topic, partition }: TopicPartition): Promise<void> {
    const next = BigInt(offsets.nextOffset(topic, partition).toString())
    const [answer] = await offsets.cluster.fetchTopicsOffset([
      { topic, partitions: [{ partition }], fromBeginning: true },
    ])
    const start = BigInt(answer?.partitions[0]?.offset ?? 0)
    const place = `${topic}, partition ${partition}`
    const told = `${next} ${start}`
    if (this.#told.get(partition) === told) return
    this.#told.set(partition, told)
    const fields = { topic, partition, committed: String(next), log_start: String(start) }
    if (start <= next) {
      this.logger.warn(
        fields,
        `${place} ends before offset ${next}, where it was to go on: beginning at ${start} again`,
      )
      return
    }
    const messages = Number(start - next)
    this.onGone(messages)
    this.logger.error(
      { ...fields, messages },
      `ALARM: ${messages} messages of ${place} are gone: Kafka deleted them before they were stored; ` +
        "the topic's retention is shorter than the consumer was away",
    )
  }
}

/** By the cluster of their consumer. */
const watched = new WeakMap<Cluster, Gaps>()

/** kafkajs asks for the default offset only when the one that it has is out of range. */
function tellOfResets(): void {
  const prototype = OffsetManager.prototype as Offsets
  const original = prototype.setDefaultOffset
  if (original.name === 'setDefaultAndTell') return
  prototype.setDefaultOffset = async function setDefaultAndTell(this: Offsets, place) {
    await watched.get(this.cluster)?.reset(this, place)
    await original.call(this, place)
  }
}
