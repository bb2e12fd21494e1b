import { setTimeout as sleep } from 'node:timers/promises'
import type pg from 'pg'
import { isConflict } from '../database/conflict.ts'
import { leave, renew } from '../database/leases.ts'
import type { Logger } from '../logger.ts'
import { type Moment, momentNow } from '../moment.ts'
import { messageOf } from '../retry.ts'
import type { Website } from '../website.ts'
import { Allowance } from './allowance.ts'
import { Balance } from './balance.ts'
import { type LeaseTimes, leaseTimes } from './leaseTimes.ts'
import { type Lease, OwnShards } from './ownShards.ts'

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
 * This producer's lease, and with it its shards. All producers look at the database once a second: who has more than the
 * fair share gives the rest back, who has less takes what is free, and what a dead one held becomes free.
 *
 * No slot is checked twice, unless a producer cannot reach the database: then it goes on with what it holds, until it
 * learns that others have taken it over.
 */
export class Leases {
  readonly #times: LeaseTimes
  readonly #allowance: Allowance
  readonly #own: OwnShards
  readonly #balance: Balance
  /** Attempts to reach the database that have failed one after the other, since this process last stood still. */
  #failures = 0
  #lapsesSeen = 0
  #renewedMs = Number.NEGATIVE_INFINITY
  #turn: Promise<void> | undefined
  #timer: NodeJS.Timeout | undefined
  #stopped = false
  #onChange: () => void = () => undefined

  constructor(private readonly options: LeasesOptions) {
    const { times = leaseTimes } = options
    this.#times = times
    this.#allowance = new Allowance(times.lease)
    this.#own = new OwnShards(times)
    this.#balance = new Balance(this.#own, { ...options, times, changed: () => this.#onChange() })
  }

  get held(): readonly Lease[] {
    return this.#own.held
  }

  /** Those of which slots are ours: held, or given back a moment ago. */
  get checked(): readonly Lease[] {
    return this.#own.checked
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
    return this.#own.owns(website, dueMs)
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
      this.#balance.graceForOthers()
    }
    try {
      await this.#attempt()
    } catch (error) {
      await this.#failed(error, sent)
    }
  }

  async #attempt(): Promise<void> {
    const sent = momentNow()
    const isDue = sent.monotonicMs >= this.#renewedMs + this.#times.renewEvery
    if (isDue) await this.#renew(sent)
    const seen = await this.#balance.look()
    if (isDue) this.#allowance.extend(sent)
    if (this.#failures > 1) {
      this.#balance.graceForOthers()
      this.options.logger.info('the database can be reached again')
    }
    this.#failures = 0
    if (this.#stopped) return
    // Declared dead between the renewal and the look, or between two renewals: registered anew at the next turn.
    if (seen.place === null) this.#renewedMs = Number.NEGATIVE_INFINITY
    else await this.#balance.reach(seen, seen.place)
  }

  async #renew({ monotonicMs, wallMs }: Moment): Promise<void> {
    const { database, id, name } = this.options
    const leaseMs = this.#times.lease
    await renew(database, { id, name, leaseMs, slotsUntil: new Date(wallMs + leaseMs) })
    this.#renewedMs = monotonicMs
  }

  /** @param sent when the attempt began */
  async #failed(error: unknown, sent: Moment): Promise<void> {
    // Another statement came in between: the database is there, and the next attempt settles it.
    if (isConflict(error)) return await sleep(50)
    this.#failures++
    if (this.#failures < 2) return
    this.#allowance.extend(sent)
    const failure = `renewing the leases failed: ${messageOf(error)}`
    this.options.logger.warn({ repeats: failure }, `${failure}; the shards held here are checked all the same`)
  }
}
