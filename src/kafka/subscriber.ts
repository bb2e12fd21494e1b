import { setTimeout as sleep } from 'node:timers/promises'
import type { Batch, Consumer, EachBatchPayload, Kafka, KafkaMessage } from 'kafkajs'
import { followSignals } from '../followSignals.ts'
import type { Logger } from '../logger.ts'
import { FatalError, messageOf, retry } from '../retry.ts'
import type { TopicRecord } from '../topicRecord.ts'
import { patient } from './client.ts'
import { Gaps } from './gaps.ts'
import { Membership, sessionTimeoutMs } from './membership.ts'
import { rangeAssigner } from './rangeAssigner.ts'
import { mayReadGroup } from './rights.ts'
import { Watchdog } from './watchdog.ts'

/**
 * A chunk is stored in one transaction. The more entries it has of a website, the fewer rows of the rollup and locks of
 * websites there are for each: with 10,000 instead of 5,000 the server spends a quarter less, and Node a tenth. For
 * memory it is the same, because a fetch holds the chunks of fewer partitions.
 */
const chunkMessages = 10_000
const bytesPerPartition = 4_000_000

const heartbeatIntervalMs = 1_000
/** A member joins again within 2 s, whatever it is doing. kafkajs waits as long as this for a join without an answer. */
const rebalanceTimeoutMs = 30_000
const restartMs = 1_000
/** For a goodbye, when kafkajs stands still. */
const goodbyeMs = 1_000

export interface SubscriberOptions {
  readonly topic: string
  readonly group: string
  /** Partitions worked on at a time. */
  readonly threads: number
  /**
   * Stores the records of one partition; only when it has returned are their offsets committed. It must wait out what
   * can be waited out, and throw as soon as the signal is aborted: the partition may belong to somebody else by then.
   */
  readonly store: (records: TopicRecord[], signal: AbortSignal) => Promise<void>
  /** Called when kafkajs has given up for good: the process has to end, or it would live and do nothing. */
  readonly onCrash: (error: Error) => void
  /** Called when the group has given this member its partitions. */
  readonly onJoin?: () => void
  /** Called when Kafka has deleted so many messages before they were stored. */
  readonly onGone?: (messages: number) => void
  readonly logger: Logger
  /** How long nothing may come from a Kafka that answers; by default 35 s. */
  readonly stallSeconds?: number
}

/** Reads the topic as a member of the group: at least once, each partition in order. */
export class Subscriber {
  readonly membership: Membership
  readonly #consumer: Consumer
  #watchdog: Watchdog | undefined
  #stalled = false
  #restart: NodeJS.Timeout | undefined

  constructor(
    private readonly kafka: Kafka,
    private readonly options: SubscriberOptions,
  ) {
    this.#consumer = kafka.consumer({
      groupId: options.group,
      partitionAssigners: [new Gaps(options.logger, options.onGone).watch(rangeAssigner)],
      sessionTimeout: sessionTimeoutMs,
      rebalanceTimeout: rebalanceTimeoutMs,
      heartbeatInterval: heartbeatIntervalMs,
      maxBytesPerPartition: bytesPerPartition,
      maxWaitTimeInMs: 1_000,
      allowAutoTopicCreation: false,
      // Left out, a consumer gets 5 attempts, whatever the client was given.
      retry: patient,
    })
    this.membership = new Membership(this.#consumer, options.topic)
  }

  /** Whether it fetches, or what is wrong, in words. */
  trouble(): string | undefined {
    return this.#watchdog?.trouble()
  }

  /**
   * @param stopping aborted when a stop begins: a Kafka that is away is not waited for any longer
   * @param aborting aborted when a stop may not wait for a running transaction any longer
   */
  async start(stopping: AbortSignal, aborting: AbortSignal): Promise<void> {
    const { topic, logger, onCrash, onJoin } = this.options
    const { CRASH, GROUP_JOIN } = this.#consumer.events
    this.#consumer.on(CRASH, ({ payload: { error, restart } }) => {
      const again = `consuming failed: ${messageOf(error)}; starting again`
      if (restart || isAway(error)) logger.warn({ repeats: 'consuming' }, again)
      else onCrash(new FatalError(`consuming ended: ${messageOf(error)}; ${adviceOn(error, this.options)}`))
      void this.#tellOfRights(error)
      // kafkajs starts the consumer again by itself, except after errors that it takes for final.
      if (!restart && isAway(error)) this.#restart = setTimeout(() => void this.#run(aborting), restartMs)
    })
    this.#consumer.on(GROUP_JOIN, ({ payload }) => {
      const partitions = payload.memberAssignment[topic] ?? []
      logger.info({ group: payload.groupId, partitions, assignor: payload.groupProtocol }, 'joined the group')
      onJoin?.()
    })
    this.#watchdog = new Watchdog(this.#consumer, {
      ...this.options,
      kafka: this.kafka,
      onStall: (what, seconds) => {
        this.#stalled = true
        onCrash(
          new FatalError(
            `no ${what} for ${seconds} s although Kafka answers; ending, so that the supervisor starts me again`,
          ),
        )
      },
    })
    const connect = async () => {
      await this.#consumer.connect()
      // A group's first start begins at the earliest message: the original's began at the end and lost what was there.
      await this.#consumer.subscribe({ topic, fromBeginning: true })
    }
    // kafkajs has patience with a broker that is not there, and none with a connection that is cut right now.
    await retry(`subscribing to ${topic}`, connect, { signal: stopping, logger })
    await this.#run(aborting)
  }

  /** kafkajs says of a group that may not even be described that its coordinator was not found. */
  async #tellOfRights(error: unknown): Promise<void> {
    const { group, logger } = this.options
    if (!/find group coordinator/.test(messageOf(error))) return
    if (await mayReadGroup(this.kafka, group).catch(() => true)) return
    logger.warn({ repeats: 'rights' }, `the group ${group} may not be used with these rights: grant READ on it`)
  }

  async #run(aborting: AbortSignal): Promise<void> {
    const watchdog = this.#watchdog as Watchdog
    await this.#consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      partitionsConsumedConcurrently: this.options.threads,
      eachBatch: (payload) => watchdog.during(() => this.#storeBatch(payload, aborting)),
    })
  }

  /** Ends after the running chunks, and leaves the group, so that its partitions go to others at once. */
  async stop(): Promise<void> {
    this.#watchdog?.stop()
    clearTimeout(this.#restart)
    const disconnected = this.#consumer.disconnect()
    await (this.#stalled ? Promise.race([disconnected, sleep(goodbyeMs)]) : disconnected)
  }

  async #storeBatch(payload: EachBatchPayload, aborting: AbortSignal): Promise<void> {
    const { batch, isRunning, isStale, resolveOffset, commitOffsetsIfNecessary } = payload
    for (let from = 0; from < batch.messages.length && isRunning() && !isStale(); from += chunkMessages) {
      const messages = batch.messages.slice(from, from + chunkMessages)
      const last = messages.at(-1) as KafkaMessage
      const next = BigInt(last.offset) + 1n
      await this.#storeChunk(batch, messages, payload, aborting)
      resolveOffset(last.offset)
      // Never consumer.commitOffsets(): after this member was put out of the group it crashes without a restart.
      await commitOffsetsIfNecessary({
        topics: [
          {
            topic: batch.topic,
            partitions: [{ partition: batch.partition, offset: String(next) }],
          },
        ],
      })
    }
  }

  /** Keeps the membership alive while the chunk is stored, however long the database is away. */
  async #storeChunk(batch: Batch, messages: KafkaMessage[], payload: EachBatchPayload, aborting: AbortSignal) {
    const lost = new AbortController()
    const giveUp = followSignals(lost.signal, aborting)
    let heartbeatError: unknown
    const timer = setInterval(() => {
      payload.heartbeat().catch((error: unknown) => {
        heartbeatError ??= error
        lost.abort(error)
      })
    }, heartbeatIntervalMs)
    try {
      const records = messages.map((message) => new KafkaRecord(batch, message))
      await this.options.store(records, giveUp.signal)
    } catch (error) {
      // kafkajs would try it again and again.
      if (error instanceof FatalError) this.options.onCrash(error)
      // kafkajs joins the group again when it sees its own error, and only then.
      throw heartbeatError ?? error
    } finally {
      clearInterval(timer)
      giveUp.release()
    }
  }
}

/** What kafkajs takes for final although it says no more than that no broker answered. */
const awayNames = ['KafkaJSGroupCoordinatorNotFound', 'KafkaJSNoBrokerAvailableError', 'KafkaJSLockTimeout']

function isAway(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  return awayNames.includes(error.name) || isAway(error.cause)
}

function adviceOn(error: Error, { topic, group }: SubscriberOptions): string {
  if (/not authorized/i.test(messageOf(error))) return `grant READ on the topic ${topic} and on the group ${group}`
  if (/compression not implemented/.test(messageOf(error))) {
    return "webmon reads gzip and no compression: set the topic's compression.type to gzip or producer, and remove its records"
  }
  return 'ending, so that the supervisor starts me again'
}

/** A view of the message: most of what it says is asked for only when something is wrong with it. */
class KafkaRecord implements TopicRecord {
  constructor(
    private readonly batch: Batch,
    private readonly message: KafkaMessage,
  ) {}

  get topic(): string {
    return this.batch.topic
  }

  get partition(): number {
    return this.batch.partition
  }

  get offset(): bigint {
    return BigInt(this.message.offset)
  }

  get timestampMs(): number {
    return Number(this.message.timestamp)
  }

  get key(): Buffer | null {
    return this.message.key
  }

  get value(): Buffer | null {
    return this.message.value
  }
}
