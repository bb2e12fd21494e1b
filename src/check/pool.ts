import pLimit from 'p-limit'
import type { CheckEntry } from '../checkEntry.ts'
import type { Logger } from '../logger.ts'
import { messageOf } from '../retry.ts'
import type { Turn } from '../schedule.ts'
import type { Standstills } from '../standstills.ts'

/** A check that began later than this share of its interval is late. */
const lateShare = 0.1

/** What becomes of turns, as it happens. */
export interface PoolEvents {
  began?(lateMs: number): void
  /** The entry is made, and not safe yet. */
  ended?(entry: CheckEntry, afterMs: number): void
  /** So many turns passed without a check. */
  missed?(turns: number): void
}

/**
 * Runs checks, so many at a time; the others wait. A check ends when its entry is safe. A website that is still being
 * checked is not checked twice.
 */
export class CheckPool {
  readonly #limit: ReturnType<typeof pLimit>
  readonly #running = new Map<string, Promise<void>>()
  #window = newWindow()
  #pause: { readonly reason: string; readonly sinceMs: number; unchecked: number } | undefined
  /** Those that run and have no entry yet. */
  #checking = 0
  #closed = false

  constructor(
    private readonly threads: number,
    private readonly check: (turn: Turn) => Promise<CheckEntry | undefined>,
    private readonly keep: (entry: CheckEntry, turn: Turn) => Promise<void>,
    private readonly standstills: Pick<Standstills, 'now' | 'since' | 'onEnd'>,
    private readonly logger: Logger,
    private readonly events: PoolEvents = {},
  ) {
    this.#limit = pLimit(threads)
    standstills.onEnd((forMs) => this.#stoodStill(forMs))
  }

  /** Whether the next check has to wait for one of those that run. */
  get full(): boolean {
    return this.#limit.activeCount >= this.threads
  }

  get running(): number {
    return this.#limit.activeCount
  }

  get waiting(): number {
    return this.#limit.pendingCount
  }

  /** Why there are no new checks; undefined: there are. */
  get pauseReason(): string | undefined {
    return this.#pause?.reason
  }

  /** Checks the website as soon as there is room. */
  offer(turn: Turn): void {
    const { website, missed } = turn
    if (missed > 0) this.#missed(missed)
    if (this.#closed || this.#isPaused(turn)) return
    if (this.#running.has(website.id)) {
      if (!turn.recheck) this.#missed(1)
      return
    }
    this.#running.set(
      website.id,
      this.#limit(() => this.#runOrTell(turn)),
    )
  }

  /**
   * No new checks until `resume`, because their entries could not be kept; those that run may end. The turns that pass
   * unchecked are counted.
   */
  pause(reason: string): void {
    const { sinceMs = Date.now(), unchecked = 0 } = this.#pause ?? {}
    this.#pause = { reason, sinceMs, unchecked }
    this.logger.error(`new checks pause: ${reason}`)
  }

  resume(): void {
    if (!this.#pause) return
    const { sinceMs, unchecked } = this.#pause
    this.#pause = undefined
    this.logger.warn(
      { unchecked },
      `checks go on after ${secondsSince(sinceMs)} s; ${turns(unchecked)} passed unchecked`,
    )
  }

  /** No new checks; those that wait are dropped, those that run may end. */
  async close(): Promise<void> {
    this.#closed = true
    await Promise.all(this.#running.values())
  }

  /**
   * One line of what was done since the last report. One more when checks ran late or not at all, with the number of
   * threads that is needed; and one when there are none at all.
   *
   * @param more fields of the line
   */
  report(more: Readonly<Record<string, unknown>> = {}): void {
    if (this.#pause) {
      const { reason, sinceMs, unchecked } = this.#pause
      this.logger.error(
        { unchecked },
        `no new checks for ${secondsSince(sinceMs)} s now, ${turns(unchecked)} passed unchecked: ${reason}`,
      )
    }
    const { begun, late, missed, worstMs, busyMs, finished, available, unavailable, sinceMs } = this.#window
    const elapsedMs = Date.now() - sinceMs
    this.#window = newWindow()
    const seconds = Math.round(elapsedMs / 1000)
    const checks = available + unavailable
    this.logger.info(
      { checks, available, unavailable, running: this.running, waiting: this.waiting, ...more },
      `${checks} checks in ${seconds} s: ${available} available, ${unavailable} not`,
    )
    if (late + missed === 0) return
    const perCheckMs = finished > 0 ? busyMs / finished : elapsedMs
    // Little's law: what is under way at a time is the rate times the time that each takes; a fifth on top.
    const needed = Math.ceil(((begun + missed + this.#limit.pendingCount) / elapsedMs) * perCheckMs * 1.2)
    const full = needed > this.threads ? `; producer.threads is ${this.threads}, needed are about ${needed}` : ''
    this.logger.warn(
      { late, missed, worst_ms: worstMs, threads: this.threads, ...(full && { threads_needed: needed }) },
      `${late} checks began late, up to ${(worstMs / 1000).toFixed(1)} s, and ${missed} were missed${full}`,
    )
  }

  async #runOrTell(turn: Turn): Promise<void> {
    const { id } = turn.website
    try {
      await this.#run(turn)
    } catch (error) {
      const failure = `a check failed in webmon itself: ${messageOf(error)}`
      this.logger.error({ website_id: id, repeats: failure }, failure)
    } finally {
      this.#running.delete(id)
    }
  }

  async #run(turn: Turn): Promise<void> {
    if (this.#closed || this.#isPaused(turn)) return
    const { dueMs, intervalMs } = turn
    const lateMs = Date.now() - dueMs
    this.#window.begun++
    this.#window.worstMs = Math.max(this.#window.worstMs, lateMs)
    if (lateMs > intervalMs * lateShare) this.#window.late++
    this.events.began?.(lateMs)
    const startMs = this.standstills.now()
    const { entry, stoodStill } = await this.#check(turn, startMs)
    if (stoodStill) return this.#again(turn)
    const tookMs = performance.now() - startMs
    this.#window.busyMs += tookMs
    this.#window.finished++
    if (!entry) return
    if (entry.available) this.#window.available++
    else this.#window.unavailable++
    this.events.ended?.(entry, tookMs)
    await this.keep(entry, turn)
  }

  async #check(turn: Turn, startMs: number) {
    this.#checking++
    try {
      return { entry: await this.check(turn), stoodStill: this.standstills.since(startMs) }
    } finally {
      this.#checking--
    }
  }

  #stoodStill(forMs: number): void {
    const checks = this.#checking
    const what = `this process stood still for ${(forMs / 1_000).toFixed(1)} s (stopped, asleep, or without a processor)`
    const then = `the checks under way (${checks}) are done again, or missed where their turn is over`
    this.logger.warn({ checks }, `${what}: ${then}`)
  }

  /** This process stood still during the check: what the website did is not known. */
  #again(turn: Turn): Promise<void> | undefined {
    const isOver = Date.now() >= turn.dueMs + turn.intervalMs
    if (!this.#closed && !isOver) return this.#run(turn)
    if (!turn.recheck) this.#missed(1)
    return undefined
  }

  #missed(turns: number): void {
    this.#window.missed += turns
    this.events.missed?.(turns)
  }

  #isPaused({ recheck }: Turn): boolean {
    if (!this.#pause) return false
    if (!recheck) {
      this.#pause.unchecked++
      this.events.missed?.(1)
    }
    return true
  }
}

function newWindow() {
  const checks = { begun: 0, finished: 0, available: 0, unavailable: 0, late: 0, missed: 0 }
  return { ...checks, worstMs: 0, busyMs: 0, sinceMs: Date.now() }
}

function secondsSince(ms: number): number {
  return Math.round((Date.now() - ms) / 1000)
}

function turns(count: number): string {
  return count === 1 ? '1 turn' : `${count} turns`
}
