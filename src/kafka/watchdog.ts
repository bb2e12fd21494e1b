import type { Kafka } from 'kafkajs'
import { messageOf } from '../retry.ts'

export interface WatchdogOptions {
  readonly kafka: Kafka
  readonly topic: string
  readonly group: string
  /** Called once, when nothing has moved for long although Kafka answers. */
  readonly onStall: (seconds: number) => void
  /** How long nothing has to move. Longer than kafkajs waits for one answer (30 s), after which it helps itself. */
  readonly stallMs?: number
}

/** A rebalance waits for all members, some of which may be about to be put out. */
const rebalanceMs = 120_000
const answerWithinMs = 10_000
/** Asked once, without kafkajs's own patience. */
const impatient = { retries: 0 }

/**
 * kafkajs can come to stand still for good (its issues 659 and 1456): a process that lives and does nothing, which only a
 * restart mends. A broker that is away is no reason to end: no restart brings it back.
 */
export class Watchdog {
  #movedAtMs = Date.now()
  #busy = 0
  #asking = false
  readonly #stallMs: number
  readonly #timer: NodeJS.Timeout

  constructor(private readonly options: WatchdogOptions) {
    this.#stallMs = options.stallMs ?? 35_000
    this.#timer = setInterval(() => void this.#look(), Math.min(5_000, this.#stallMs / 5))
  }

  /** Something came from Kafka, if only that there is nothing new. */
  moved(): void {
    this.#movedAtMs = Date.now()
  }

  /** While this works, nothing is fetched; how long it may take is its own affair. */
  async during<T>(work: () => Promise<T>): Promise<T> {
    this.#busy++
    try {
      return await work()
    } finally {
      this.#busy--
      this.moved()
    }
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  async #look(): Promise<void> {
    if (this.#busy > 0) this.moved()
    const quietMs = Date.now() - this.#movedAtMs
    if (quietMs < this.#stallMs || this.#asking) return
    this.#asking = true
    const answer = await this.#ask()
    this.#asking = false
    // It may have moved in the meantime. Without an answer the time begins anew when there is one.
    if (answer === 'away') this.moved()
    if (Date.now() - this.#movedAtMs < quietMs || (answer === 'rebalancing' && quietMs < rebalanceMs)) return
    this.stop()
    this.options.onStall(Math.round(quietMs / 1000))
  }

  /** Whether the leaders of all partitions answer, and the coordinator of the group. */
  async #ask(): Promise<'answers' | 'rebalancing' | 'away'> {
    const { kafka, topic, group } = this.options
    const admin = kafka.admin({ retry: impatient })
    try {
      return await within(answerWithinMs, async () => {
        await admin.connect()
        await admin.fetchTopicOffsets(topic)
        const { groups } = await admin.describeGroups([group])
        return /Rebalance/.test(groups[0]?.state ?? '') ? 'rebalancing' : 'answers'
      })
    } catch (error) {
      return /not authorized/i.test(messageOf(error)) ? 'answers' : 'away'
    } finally {
      admin.disconnect().catch(() => undefined)
    }
  }
}

async function within<T>(ms: number, work: () => Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${ms / 1000} s`)), ms)
  })
  try {
    return await Promise.race([work(), late])
  } finally {
    clearTimeout(timer)
  }
}
