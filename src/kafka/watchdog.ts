import type { Consumer, Kafka } from 'kafkajs'
import { messageOf } from '../retry.ts'
import { within } from '../within.ts'

export interface WatchdogOptions {
  readonly kafka: Kafka
  readonly topic: string
  readonly group: string
  /** Called once, when something has stood still for long although Kafka answers. */
  readonly onStall: (what: 'fetch' | 'heartbeat', seconds: number) => void
  /** How long may pass without a fetch or a heartbeat. kafkajs waits 30 s for one answer, and then helps itself. */
  readonly stallSeconds?: number
}

const lookEveryMs = 1_000
/** A rebalance waits for all members, some of which may be about to be put out. */
const rebalanceSeconds = 120
const stuckSeconds = 60
const askEverySeconds = 5
/** An answer that takes longer is one of a broker that has just come back. */
const answerWithinMs = 2_000
/** In a row: after the first one, kafkajs gets the time to find the broker, too. */
const answersToEnd = 2
/** Asked once, without kafkajs's own patience. */
const impatient = { retries: 0 }

/**
 * kafkajs can come to stand still for good (its issues 659 and 1456), and it keeps a connection that does not answer any
 * more until the kernel gives that up, after a quarter of an hour: a process that lives and does nothing, which only a
 * restart mends. A broker that is away is no reason to end: no restart brings it back.
 *
 * Time is counted in looks, one a second: a process that was stopped itself, or got no processor, has not waited.
 */
export class Watchdog {
  #looks = 0
  #fetchedAt = 0
  #heartbeatAt = 0
  #askedAt = 0
  #answers = 0
  #asking = false
  #busy = 0
  /** When a fetch from each broker began that has not come back. */
  readonly #fetches = new Map<number, number>()
  readonly #timer: NodeJS.Timeout
  readonly #stallSeconds: number

  /** Watches from now on, until `stop`. */
  constructor(
    { on, events }: Consumer,
    private readonly options: WatchdogOptions,
  ) {
    this.#stallSeconds = options.stallSeconds ?? 35
    on(events.GROUP_JOIN, () => this.#allMoved())
    on(events.FETCH_START, ({ payload: { nodeId } }) => {
      // One that failed is begun again, over and over.
      if (!this.#fetches.has(nodeId)) this.#fetches.set(nodeId, this.#looks)
    })
    on(events.FETCH, ({ payload: { nodeId } }) => {
      this.#fetches.delete(nodeId)
      this.#fetchedAt = this.#looks
    })
    on(events.HEARTBEAT, () => {
      this.#heartbeatAt = this.#looks
    })
    this.#timer = setInterval(() => void this.#look(), lookEveryMs)
  }

  /** While this works, nothing is fetched, but hearts beat; how long it may take is its own affair. */
  async during<T>(work: () => Promise<T>): Promise<T> {
    this.#busy++
    try {
      return await work()
    } finally {
      this.#busy--
      this.#fetchedAt = this.#looks
    }
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  /** What is wrong, in words; undefined: nothing. It should have ended the process by then. */
  trouble(): string | undefined {
    const { what, seconds } = this.#quiet()
    return seconds > rebalanceSeconds + stuckSeconds ? `no ${what} for ${seconds} s` : undefined
  }

  async #look(): Promise<void> {
    this.#looks++
    if (this.#quiet().seconds < this.#stallSeconds) {
      this.#answers = 0
      return
    }
    if (this.#asking || this.#looks - this.#askedAt < askEverySeconds) return
    this.#asking = true
    this.#askedAt = this.#looks
    const answer = await this.#ask()
    this.#asking = false
    this.#answers = answer === 'away' ? 0 : this.#answers + 1
    // The time begins anew when there is an answer.
    if (answer === 'away') this.#allMoved()
    // It may also have moved in the meantime.
    const { what, seconds } = this.#quiet()
    const most = answer === 'rebalancing' ? rebalanceSeconds : this.#stallSeconds
    if (seconds < most || this.#answers < answersToEnd) return
    this.stop()
    this.options.onStall(what, seconds)
  }

  #quiet(): { what: 'fetch' | 'heartbeat'; seconds: number } {
    const fetchedAt = Math.min(this.#busy > 0 ? this.#looks : this.#fetchedAt, ...this.#fetches.values())
    const what = this.#heartbeatAt < fetchedAt ? 'heartbeat' : 'fetch'
    return { what, seconds: this.#looks - Math.min(fetchedAt, this.#heartbeatAt) }
  }

  #allMoved(): void {
    this.#fetches.clear()
    this.#fetchedAt = this.#looks
    this.#heartbeatAt = this.#looks
  }

  /** kafkajs fetches no more from a broker that is gone for good, and does not say so. It has its ids as text, too. */
  #forgetOthers(brokers: readonly { nodeId: number }[]): void {
    const known = new Set(brokers.map(({ nodeId }) => String(nodeId)))
    for (const nodeId of this.#fetches.keys()) if (!known.has(String(nodeId))) this.#fetches.delete(nodeId)
  }

  /** Whether the leaders of all partitions answer, and the coordinator of the group. */
  async #ask(): Promise<'answers' | 'rebalancing' | 'away'> {
    const { kafka, topic, group } = this.options
    const admin = kafka.admin({ retry: impatient })
    const ask = async () => {
      await admin.connect()
      this.#forgetOthers((await admin.describeCluster()).brokers)
      await admin.fetchTopicOffsets(topic)
      const { groups } = await admin.describeGroups([group])
      return /Rebalance/.test(groups[0]?.state ?? '') ? 'rebalancing' : 'answers'
    }
    try {
      return await within(answerWithinMs, ask())
    } catch (error) {
      return /not authorized/i.test(messageOf(error)) ? 'answers' : 'away'
    } finally {
      admin.disconnect().catch(() => undefined)
    }
  }
}
