import { setTimeout as sleep } from 'node:timers/promises'
import type { Kafka, Producer } from 'kafkajs'
import type { Logger } from '../logger.ts'
import { messageOf } from '../retry.ts'
import type { SpoolEntry } from '../spool/store.ts'
import type { Spool } from '../spool.ts'
import { rememberingPartitioner, type SentMessage } from './partitioner.ts'

/** A batch goes when it holds so many entries or bytes, or when its first entry has waited so long. */
const batch = { entries: 1_000, bytes: 500_000 }
const batchWaitMs = 20
const batchesInFlight = 5

/** As fast as this a broker that answers again is noticed. */
const backOffMs = { first: 100, most: 2_000 }

/** At a stop: for so long without an acknowledgement what is in the spool is waited for. It is safe there. */
const patienceMs = 2_000
const graceMs = 500

/**
 * What Kafka says of a message that it can never take (of a batch with one in it, or of a batch that is too large).
 * Everything else, missing rights included, is a matter of waiting.
 */
const refusals = new Set([
  'MESSAGE_TOO_LARGE',
  'RECORD_LIST_TOO_LARGE',
  'INVALID_RECORD',
  'INVALID_TIMESTAMP',
  'UNSUPPORTED_FOR_MESSAGE_FORMAT',
])

/** What becomes of batches: each is sent, and then acknowledged or failed, as often as it is sent. */
export interface PublisherEvents {
  sent?(): void
  acknowledged?(afterMs: number): void
  failed?(error: unknown): void
}

/**
 * Publishes what is in the spool in small batches, several in flight, and sends again whatever is rejected. An entry
 * leaves the spool when all in-sync replicas have it.
 *
 * Idempotence stays off: with it kafkajs rolls its sequence back after a failed produce, the next batch uses it again,
 * and the broker acknowledges and drops that one (190 of 1,200 acknowledged messages lost). The duplicates that plain
 * resends make are removed by the entry's id in the database.
 *
 * kafkajs sends a batch once: its own retry skips a partition whose leader has moved to a broker that had answered
 * already, and reports success.
 */
export class Publisher {
  readonly #producer: Producer
  readonly #stopped = new AbortController()
  readonly #inFlight = new Set<Promise<void>>()
  #running: Promise<void> | undefined
  #pause: Promise<void> | undefined
  #failures = 0
  #acknowledgedMs = 0
  #refused = 0

  constructor(
    kafka: Kafka,
    private readonly topic: string,
    private readonly spool: Spool,
    private readonly logger: Logger,
    private readonly events: PublisherEvents = {},
  ) {
    this.#producer = kafka.producer({
      allowAutoTopicCreation: false,
      createPartitioner: rememberingPartitioner,
      idempotent: false,
      retry: { retries: 0 },
    })
  }

  /** @param onError called when the spool cannot be read any more */
  async start(onError: (error: unknown) => void): Promise<void> {
    await this.#producer.connect()
    if (this.#stopped.signal.aborted) return
    this.#running = this.#run()
    this.#running.catch(onError)
  }

  /** Publishes what is left, until the signal is aborted, or until it is clear that what is on disk has to wait. */
  async close(aborting: AbortSignal): Promise<void> {
    this.spool.finish()
    this.#acknowledgedMs = performance.now()
    const ended = this.#running?.catch(() => undefined)
    // The checks may have taken all the time there was; their batch gets what it needs where Kafka is well.
    let abortedMs: number | undefined
    while (this.#running) {
      if (aborting.aborted) abortedMs ??= performance.now()
      if (abortedMs !== undefined && performance.now() - abortedMs > graceMs) break
      const waitedMs = performance.now() - this.#acknowledgedMs
      if (this.spool.durable && waitedMs > patienceMs) break
      if (await Promise.race([ended?.then(() => true), sleep(50, false)])) break
    }
    this.#stopped.abort()
    const left = this.spool.entries
    if (left > 0 && this.spool.durable) {
      this.logger.warn({ entries: left }, `${left} check entries stay in the spool: the next start publishes them`)
    } else if (left > 0) {
      this.logger.error({ entries: left }, `Kafka did not acknowledge ${left} check entries in time; lost`)
    }
    await Promise.race([this.#producer.disconnect(), sleep(500)])
  }

  async #run(): Promise<void> {
    for (;;) {
      while (this.#inFlight.size >= batchesInFlight) await Promise.race(this.#inFlight)
      const entries = await this.spool.take(batch, batchWaitMs)
      if (entries.length === 0 || this.#stopped.signal.aborted) break
      const sending = this.#send(entries).finally(() => this.#inFlight.delete(sending))
      this.#inFlight.add(sending)
    }
    await Promise.all(this.#inFlight)
  }

  async #send(entries: SpoolEntry[]): Promise<void> {
    for (;;) {
      await this.#pause
      if (this.#stopped.signal.aborted) return
      const startMs = performance.now()
      this.events.sent?.()
      try {
        await this.#produce(entries)
        this.events.acknowledged?.(performance.now() - startMs)
        this.#failures = 0
        this.#acknowledgedMs = performance.now()
        this.spool.remove(entries)
        return
      } catch (error) {
        this.events.failed?.(error)
        if (this.#stopped.signal.aborted) return
        if (refusals.has(typeOf(error))) return this.#divide(entries, error)
        this.#backOff(error)
      }
    }
  }

  /** @throws unless every message has been acknowledged */
  async #produce(entries: SpoolEntry[]): Promise<void> {
    const messages: SentMessage[] = entries.map(({ key, value }) => ({ key, value }))
    const answers = await this.#producer.send({ topic: this.topic, messages, acks: -1 })
    const answered = new Set(answers.map(({ partition }) => partition))
    const without = messages.find(({ sentTo }) => sentTo === undefined || !answered.has(sentTo))
    if (without) throw new Error(`no answer for partition ${without.sentTo}`)
  }

  /** Batches that fail side by side fail together: one wait, and one line, for all of them. */
  #backOff(error: unknown): void {
    if (this.#pause) return
    const pauseMs = Math.min(backOffMs.first * 2 ** this.#failures++, backOffMs.most)
    const failure = `publishing failed: ${messageOf(error)}`
    this.logger.warn(
      { entries: this.spool.entries, repeats: failure },
      `${failure}; sending again in ${pauseMs / 1000} s`,
    )
    this.#pause = sleep(pauseMs, undefined, { signal: this.#stopped.signal })
      .catch(() => undefined)
      .finally(() => {
        this.#pause = undefined
      })
  }

  /**
   * Kafka refuses one of these entries for good: the others go on without it. By construction no message is refused, so
   * something is wrong with the topic's settings: the entry stays in the spool for a start at which that is mended.
   */
  async #divide(entries: SpoolEntry[], error: unknown): Promise<void> {
    if (entries.length > 1) {
      const middle = Math.ceil(entries.length / 2)
      await this.#send(entries.slice(0, middle))
      await this.#send(entries.slice(middle))
      return
    }
    this.#refused++
    this.logger.error(
      {
        website_id: entries[0]?.key,
        bytes: entries[0]?.bytes,
        refused: this.#refused,
        repeats: `refused: ${typeOf(error)}`,
      },
      `Kafka refuses a check entry: ${messageOf(error)}; it is kept in the spool, and offered again at the next start`,
    )
  }
}

function typeOf(error: unknown): string {
  const { type, cause } = error as { type?: string; cause?: { type?: string } }
  return cause?.type ?? type ?? ''
}
