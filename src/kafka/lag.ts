import type { Admin, Kafka } from 'kafkajs'
import { Recent } from '../recent.ts'

export interface LagOptions {
  readonly topic: string
  readonly group: string
  /** The partitions that are asked for. */
  readonly partitions: () => readonly number[]
}

/**
 * By partition: the messages that are in the topic, and that the group has not committed. Of one that nothing has been
 * committed of, all that is there.
 */
export async function askForLag(
  admin: Admin,
  { topic, group }: { readonly topic: string; readonly group: string },
): Promise<Map<number, number>> {
  // The committed ones first: what comes in between makes the lag greater, and never less than nothing.
  const [known] = await admin.fetchOffsets({ groupId: group, topics: [topic] })
  const ends = await admin.fetchTopicOffsets(topic)
  const committed = new Map(known?.partitions.map(({ partition, offset }) => [partition, Number(offset)]))
  return new Map(
    ends.map(({ partition, low, high }) => {
      // -1: nothing yet. What retention has deleted since cannot be read any more.
      const next = Math.max(committed.get(partition) ?? -1, Number(low))
      return [partition, Math.max(Number(high) - next, 0)]
    }),
  )
}

/** Asked once: who waits for the answer does not wait long. */
const impatient = { retries: 0 }

/**
 * How many messages are in the topic that the group has not committed. Kafka itself is asked, so that it is right while
 * the consumer stands still, when nothing is fetched that would tell; once in 5 s at most.
 */
export class Lag {
  readonly #recent = new Recent(() => this.#ask())
  #admin: Admin | undefined
  #closed = false

  constructor(
    private readonly kafka: Kafka,
    private readonly options: LagOptions,
  ) {}

  /**
   * By partition. Of one that nothing has been committed of, all that is there.
   *
   * @throws when Kafka does not answer within 3 s
   */
  async read(): Promise<ReadonlyMap<number, number>> {
    return await this.#recent.get()
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.#admin?.disconnect()
  }

  async #ask(): Promise<Map<number, number>> {
    const { partitions } = this.options
    const wanted = new Set(partitions())
    if (wanted.size === 0) return new Map()
    if (this.#closed) throw new Error('the service is ending')
    try {
      this.#admin ??= await this.#connect()
      const all = await askForLag(this.#admin, this.options)
      return new Map([...all].filter(([partition]) => wanted.has(partition)))
    } catch (error) {
      // The next one comes with new connections.
      this.#admin?.disconnect().catch(() => undefined)
      this.#admin = undefined
      throw error
    }
  }

  async #connect(): Promise<Admin> {
    const admin = this.kafka.admin({ retry: impatient })
    await admin.connect()
    return admin
  }
}
