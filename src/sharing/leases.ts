import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { buryDead, giveBack, type HeldShard, leave, look, renew, type Seen, take } from '../database/leases.ts'
import type { Logger } from '../logger.ts'
import { type Moment, momentNow } from '../moment.ts'
import { messageOf } from '../retry.ts'
import { fairShare, shards as shardCount, shardOfWebsite } from '../shard.ts'
import type { Website } from '../website.ts'
import { Allowance } from './allowance.ts'
import { type LeaseTimes, leaseTimes } from './leaseTimes.ts'

/** A shard of ours. */
export interface Lease {
  readonly shard: number
  /** The slots that are due up to then were somebody else's: ms of this machine's clock. */
  readonly slotsAfterMs: number
}

interface Given extends Lease {
  readonly slotsUntilMs: number
}

export interface LeasesOptions {
  /** Of one connection, so that a failed attempt leaves no stale one for the next. */
  readonly database: pg.Pool
  readonly id: string
  /** For people: host and process. */
  readonly name: string
  readonly logger: Pick<Logger, 'info' | 'warn'>
  readonly times?: LeaseTimes
}

/**
 * This producer's shards. All producers look at the database once a second: who has more than the fair share gives the
 * rest back, who has less takes what is free, and what a dead one held becomes free.
 *
 * Of each slot it is known whose it is: a producer starts none that is due after its lease has ended, and whoever comes
 * next starts none that is due before. So none is checked twice, unless a producer cannot reach the database: then it
 * goes on with what it holds, until it learns that others have taken it over.
 */
export class Leases {
  readonly #times: LeaseTimes
  readonly #allowance: Allowance
  #held = new Map<number, Lease>()
  /** Given back a moment ago: their last slots are ours, and may still wait for a thread. */
  readonly #given = new Map<number, Given>()
  /** Up to when slots of a shard that was ours have begun here, at most. */
  readonly #endedMs = new Map<number, number>()
  #producers = 1
  /** Attempts to reach the database that have failed one after the other, since this process last stood still. */
  #failures = 0
  #lapsesSeen = 0
  #renewedMs = Number.NEGATIVE_INFINITY
  #buriesFromMs = Number.NEGATIVE_INFINITY
  #turn: Promise<void> | undefined
  #timer: NodeJS.Timeout | undefined
  #stopped = false
  #onChange: () => void = () => undefined

  constructor(private readonly options: LeasesOptions) {
    this.#times = options.times ?? leaseTimes
    this.#allowance = new Allowance(this.#times.lease)
  }

  get held(): readonly Lease[] {
    return [...this.#held.values()]
  }

  /** Those of which slots are ours: held, or given back a moment ago. */
  get checked(): readonly Lease[] {
    return [...this.#held.values(), ...this.#given.values()]
  }

  /**
   * Registers this producer, takes what is free of its share, and keeps both up to date from then on.
   *
   * @param onChange is called when shards are gained or lost later
   */
  async start(onChange: () => void = () => undefined): Promise<void> {
    await this.#attempt()
    this.#onChange = onChange
    this.#arm()
  }

  /** Whether the website's slot is ours, as far as is known here. */
  owns(website: Website, dueMs: number): boolean {
    const shard = shardOfWebsite(website)
    const lease = this.#held.get(shard)
    if (lease) return dueMs > lease.slotsAfterMs
    const given = this.#given.get(shard)
    return given !== undefined && dueMs > given.slotsAfterMs && dueMs <= given.slotsUntilMs
  }

  /**
   * Checks a website if its slot is ours. A process that stood still for longer than its lease asks the database first,
   * and has no result of a check that it stood still in, if the shard is somebody else's by now.
   */
  async whileHeld<T>(website: Website, dueMs: number, check: () => Promise<T>): Promise<T | undefined> {
    await this.#becomeSure()
    if (!this.owns(website, dueMs)) return undefined
    const { lapses } = this.#allowance
    const result = await check()
    await this.#becomeSure()
    return lapses === this.#allowance.lapses || this.owns(website, dueMs) ? result : undefined
  }

  /**
   * Gives everything back.
   *
   * @param slotsUntilMs the slots that are due up to then have begun here, and no later one
   */
  async stop(slotsUntilMs: number): Promise<void> {
    this.#stopped = true
    clearTimeout(this.#timer)
    await this.#turn
    await leave(this.options.database, this.options, new Date(slotsUntilMs))
  }

  #arm(): void {
    if (this.#stopped) return
    // One failure may be that of a connection which was lost long ago: the second attempt has a new one.
    const pauseMs = this.#failures === 1 ? 0 : this.#times.lookEvery
    this.#timer = setTimeout(() => void this.#turnNow().then(() => this.#arm()), pauseMs)
  }

  /** Waits until it is known here what is ours, or that the database cannot be reached. */
  async #becomeSure(): Promise<void> {
    while (this.#allowance.lapsed && !this.#stopped) await this.#turnNow()
  }

  #turnNow(): Promise<void> {
    this.#turn ??= this.#attemptOrTell().finally(() => {
      this.#turn = undefined
    })
    return this.#turn
  }

  async #attemptOrTell(): Promise<void> {
    const sent = momentNow()
    if (this.#allowance.lapsed && this.#allowance.lapses !== this.#lapsesSeen) {
      this.#lapsesSeen = this.#allowance.lapses
      this.#failures = 0
      this.#renewedMs = Number.NEGATIVE_INFINITY
      this.#buriesFromMs = sent.monotonicMs + this.#times.grace
    }
    try {
      await this.#attempt()
    } catch (error) {
      await this.#failed(error, () => this.#allowance.extend(sent))
    }
  }

  async #attempt(): Promise<void> {
    const sent = momentNow()
    const isDue = sent.monotonicMs >= this.#renewedMs + this.#times.renewEvery
    if (isDue) await this.#renew(sent)
    const seen = await this.#look()
    if (isDue) this.#allowance.extend(sent)
    if (this.#failures > 1) {
      this.#buriesFromMs = performance.now() + this.#times.grace
      this.options.logger.info('the database can be reached again')
    }
    this.#failures = 0
    await this.#balance(seen)
  }

  async #renew({ monotonicMs, wallMs }: Moment): Promise<void> {
    const { database, id, name } = this.options
    await renew(database, {
      id,
      name,
      leaseMs: this.#times.lease,
      slotsUntil: new Date(wallMs + this.#times.lease),
    })
    this.#renewedMs = monotonicMs
  }

  async #failed(error: unknown, goOn: () => void): Promise<void> {
    // Another statement came in between: the database is there, and the next attempt settles it.
    if (error instanceof pg.DatabaseError && (error.code === '40001' || error.code === '40P01')) return await sleep(50)
    this.#failures++
    if (this.#failures < 2) return
    goOn()
    const failure = `renewing the leases failed: ${messageOf(error)}`
    this.options.logger.warn({ repeats: failure }, `${failure}; the shards held here are checked all the same`)
  }

  /** Gives back what is too much, takes what is missing, frees what dead ones hold. */
  async #balance(seen: Seen): Promise<void> {
    const { database } = this.options
    if (this.#stopped) return
    if (seen.place === null) {
      // Declared dead between the renewal and the look, or between two renewals: registered anew at the next turn.
      this.#renewedMs = Number.NEGATIVE_INFINITY
      return
    }
    let { free } = seen
    if (seen.dead > 0 && performance.now() >= this.#buriesFromMs) {
      await buryDead(database)
      free = shardCount
    }
    const share = fairShare(seen.producers, seen.place)
    if (this.#held.size > share) await this.#giveBack(this.#held.size - share)
    else if (this.#held.size < share && free > 0) {
      await take(database, { id: this.options.id, leaseMs: this.#times.lease }, share - this.#held.size)
      await this.#look()
    }
  }

  async #giveBack(count: number): Promise<void> {
    const slotsUntilMs = Date.now() + this.#times.handOver
    const given = this.held.slice(-count)
    for (const lease of given) {
      this.#held.delete(lease.shard)
      this.#given.set(lease.shard, { ...lease, slotsUntilMs })
      this.#endedMs.set(lease.shard, slotsUntilMs)
    }
    const numbers = given.map(({ shard }) => shard)
    await giveBack(this.options.database, this.options, numbers, new Date(slotsUntilMs))
    this.#tell(`gave ${count} shards back: ${this.#producers} producers share the websites`)
  }

  /** Takes over what the database says. */
  async #look(): Promise<Seen> {
    const { database, id } = this.options
    const seen = await look(database, id)
    this.#producers = seen.producers
    const goneMs = Date.now() - this.#times.lease
    for (const [shard, { slotsUntilMs }] of this.#given) if (slotsUntilMs < goneMs) this.#given.delete(shard)
    const before = this.#held
    this.#held = new Map(seen.held.map((one) => [one.shard, before.get(one.shard) ?? this.#gained(one)]))
    const gained = seen.held.filter(({ shard }) => !before.has(shard))
    const lost = [...before.keys()].filter((shard) => !this.#held.has(shard))
    for (const shard of lost) this.#endedMs.set(shard, Date.now())
    if (lost.length > 0) this.#tell(`lost ${lost.length} shards: others took them over`, 'warn')
    if (gained.length > 0) this.#tell(`took ${gained.length} shards${formerHolders(gained)}`)
    return seen
  }

  /** By a clock that is far off, slots would be checked twice or not at all for as long; this bounds it. */
  #gained({ shard, slotsAfterMs }: HeldShard): Lease {
    this.#given.delete(shard)
    const earliest = Math.max(Date.now() - this.#times.catchUp, this.#endedMs.get(shard) ?? 0)
    const latest = Date.now() + this.#times.lease
    return { shard, slotsAfterMs: Math.min(Math.max(slotsAfterMs, earliest), latest) }
  }

  #tell(what: string, level: 'info' | 'warn' = 'info'): void {
    const held = this.#held.size
    const state = held === 0 ? 'standing by' : `holding ${held} of ${shardCount}`
    this.options.logger[level]({ shards: held, producers: this.#producers }, `${what}; ${state}`)
    this.#onChange()
  }
}

/** ` (64 of host-1 7, 20 free)` */
function formerHolders(gained: readonly HeldShard[]): string {
  const counts = new Map<string, number>()
  for (const { previous } of gained) if (previous !== null) counts.set(previous, (counts.get(previous) ?? 0) + 1)
  const words = [...counts].map(([name, count]) => `${count} of ${name}`)
  return words.length === 0 ? '' : ` (${words.join(', ')})`
}
