import { setTimeout as sleep } from 'node:timers/promises'
import type { Admin, Kafka } from 'kafkajs'
import type { Client } from 'pg'
import { connect, type DatabaseAddress } from './databaseAddress.ts'

/** What has happened since the start. */
export interface Figures {
  /** Check entries that the producer has published. */
  readonly checks: number
  /** Stored ones after which the website is not available. */
  readonly failures: number
  /** Stored ones. */
  readonly rows: number
  /** Messages that the consumers have not committed yet. */
  readonly lag: number
}

export interface FiguresOptions {
  readonly database: DatabaseAddress
  readonly kafka: Kafka
  readonly topic: string
  readonly group: string
  readonly since: Date
}

/** Reads the figures where the services leave them: in the database and in Kafka. */
export class FiguresReader {
  readonly #admin: Admin
  #client: Client | undefined
  #publishedBefore: number | undefined
  #asking: Promise<{ checks: number; lag: number } | undefined> | undefined
  #last: Figures = { checks: 0, failures: 0, rows: 0, lag: 0 }

  constructor(private readonly options: FiguresOptions) {
    this.#admin = options.kafka.admin()
  }

  /** To be called before the services start: what was published until now does not count. */
  async begin(): Promise<void> {
    await this.#askKafka()
  }

  /** What cannot be asked at the moment stays as it was: the services tell of what is away. */
  async read(): Promise<Figures> {
    const [topic, table] = await Promise.all([this.#askKafka(), this.#table().catch(() => this.#disconnected())])
    this.#last = { ...this.#last, ...table, ...topic }
    return this.#last
  }

  async close(): Promise<void> {
    await within(1_000, Promise.allSettled([this.#admin.disconnect(), this.#client?.end()]))
  }

  /** kafkajs goes on trying for as long as Kafka is away, and we do not wait that long; nor do we ask twice. */
  #askKafka(): Promise<{ checks: number; lag: number } | undefined> {
    this.#asking ??= this.#topic()
      .catch(() => undefined)
      .finally(() => {
        this.#asking = undefined
      })
    return within(3_000, this.#asking)
  }

  /** With the first and the next offset; none as long as there is no topic. */
  async #partitions(): Promise<{ partition: number; low: number; high: number }[]> {
    const { topic } = this.options
    if (!(await this.#admin.listTopics()).includes(topic)) return []
    const partitions = await this.#admin.fetchTopicOffsets(topic)
    return partitions.map(({ partition, low, high }) => ({ partition, low: Number(low), high: Number(high) }))
  }

  async #topic(): Promise<{ checks: number; lag: number }> {
    const { topic, group } = this.options
    await this.#admin.connect()
    const partitions = await this.#partitions()
    const published = sum(partitions.map(({ high }) => high))
    this.#publishedBefore ??= published
    if (partitions.length === 0) return { checks: 0, lag: 0 }
    const [offsets] = await this.#admin.fetchOffsets({ groupId: group, topics: [topic] })
    const committed = new Map(offsets?.partitions.map(({ partition, offset }) => [partition, Number(offset)]))
    return {
      checks: published - this.#publishedBefore,
      // Committed is -1 before the first time, and below `low` where Kafka has deleted what was not read.
      lag: sum(partitions.map(({ partition, low, high }) => high - Math.max(committed.get(partition) ?? 0, low))),
    }
  }

  async #table(): Promise<{ rows: number; failures: number } | undefined> {
    this.#client ??= await connect(this.options.database)
    const { rows } = await this.#client.query<{ rows: string; failures: string }>(
      `SELECT count(*) AS rows,
              count(*) FILTER (WHERE error IS NOT NULL OR http_status NOT BETWEEN 100 AND 399 OR NOT regex_match)
                AS failures
         FROM check_entry WHERE "timestamp" >= $1`,
      [this.options.since],
    )
    return { rows: Number(rows[0]?.rows), failures: Number(rows[0]?.failures) }
  }

  #disconnected(): undefined {
    // Also where the table is not there yet: a new connection costs little once in a second.
    void this.#client?.end().catch(() => {})
    this.#client = undefined
  }
}

/** Undefined when it is not there in time. */
function within<T>(ms: number, promise: Promise<T>): Promise<T | undefined> {
  return Promise.race([promise, sleep(ms, undefined, { ref: false })])
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}
