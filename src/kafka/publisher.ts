import { setTimeout as sleep } from 'node:timers/promises'
import { type Kafka, type Message, Partitioners, type Producer } from 'kafkajs'
import type { Logger } from '../logger.ts'
import { messageOf } from '../retry.ts'

/** A batch goes when it holds so many messages or bytes, or when its first message has waited so long. */
const batchMessages = 1_000
const batchBytes = 500_000
const batchWaitMs = 20

const resendAfterMs = 1_000
const graceMs = 500

/**
 * Publishes messages in small batches, several in flight, and sends again whatever is rejected.
 *
 * Idempotence stays off: with it kafkajs rolls its sequence back after a failed produce, the next batch uses it again,
 * and the broker acknowledges and drops that one (190 of 1,200 acknowledged messages lost). The duplicates that plain
 * resends make are removed by the entry's id in the database.
 */
export class Publisher {
  readonly #producer: Producer
  #batch: Message[] = []
  #bytes = 0
  #timer: NodeJS.Timeout | undefined
  readonly #inFlight = new Set<Promise<void>>()
  #unacknowledged = 0
  readonly #closing = new AbortController()

  constructor(
    kafka: Kafka,
    private readonly topic: string,
    private readonly logger: Logger,
  ) {
    this.#producer = kafka.producer({
      allowAutoTopicCreation: false,
      createPartitioner: Partitioners.DefaultPartitioner,
      idempotent: false,
    })
  }

  connect(): Promise<void> {
    return this.#producer.connect()
  }

  /** Takes a message over. It is sent soon, and kept until all in-sync replicas have acknowledged it. */
  publish(key: string, value: string): void {
    this.#unacknowledged++
    this.#batch.push({ key, value })
    this.#bytes += Buffer.byteLength(value)
    if (this.#batch.length >= batchMessages || this.#bytes >= batchBytes) this.#sendBatch()
    else this.#timer ??= setTimeout(() => this.#sendBatch(), batchWaitMs)
  }

  /** Sends what is left. Messages that Kafka has not acknowledged soon after the signal is aborted are lost, and counted. */
  async close(aborting: AbortSignal): Promise<void> {
    this.#sendBatch()
    const sent = Promise.all(this.#inFlight).then(() => undefined)
    // The checks may have taken all the time there was; their batch gets what it needs where Kafka is well.
    await Promise.race([sent, aborted(aborting).then(() => sleep(graceMs))])
    this.#closing.abort()
    if (this.#unacknowledged > 0) {
      this.logger.error(
        { entries: this.#unacknowledged },
        'Kafka did not acknowledge these check entries in time; lost',
      )
    }
    await Promise.race([this.#producer.disconnect(), sleep(500)])
  }

  #sendBatch(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    if (this.#batch.length === 0) return
    const sending = this.#send(this.#batch).finally(() => this.#inFlight.delete(sending))
    this.#inFlight.add(sending)
    this.#batch = []
    this.#bytes = 0
  }

  /** A send can be rejected although kafkajs retries "for ever" (a plain `Broker not connected` was seen). */
  async #send(messages: Message[]): Promise<void> {
    while (!this.#closing.signal.aborted) {
      try {
        await this.#producer.send({ topic: this.topic, messages, acks: -1 })
        this.#unacknowledged -= messages.length
        return
      } catch (error) {
        this.logger.warn(
          { entries: messages.length },
          `publishing failed: ${messageOf(error)}; sending again in ${resendAfterMs / 1000} s`,
        )
        await sleep(resendAfterMs, undefined, { signal: this.#closing.signal }).catch(() => undefined)
      }
    }
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
}
