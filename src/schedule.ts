import { createHash } from 'node:crypto'
import TinyQueue from 'tinyqueue'
import type { Website } from './website.ts'

/** A website's place in time: it is due at `phaseMs + n * intervalMs` (milliseconds of the Unix epoch). */
interface Slot {
  website: Website
  readonly intervalMs: number
  readonly phaseMs: number
  dueMs: number
}

/** A website's slot that has come. */
export interface Turn {
  readonly website: Website
  readonly dueMs: number
  readonly intervalMs: number
  /** Slots of the website that passed unused before this one: the process was asleep. */
  readonly missed: number
  /** Beside the slots. */
  readonly recheck?: boolean
}

/** A sleep of the timer: long enough to cost nothing, short enough to notice soon that the clock was set. */
const longestSleepMs = 1_000
const stuckMs = 30_000

/**
 * Phases by hash are even as rain is even: of 20 checks in the mean 100 ms, some 100 ms have 33. What comes together is
 * let go at 1.2 times the mean rate, which costs 10 ms in the mean; where that would cost more than 100 to 200 ms, faster.
 */
const fastestOverMean = 1.2
const longestDelayMs = 200

/**
 * Tells when each website is due: once per its interval, at its phase. The phases spread the checks evenly over the
 * interval (fired at once, 10,000 checks measured a p50 of 147 ms in the monitor's own queue; spread, 0.5 ms), and come
 * from the id alone, so they outlive restarts and do not depend on the other websites.
 */
export class Schedule {
  readonly #slots = new Map<string, Slot>()
  #queue = new TinyQueue<Slot>([], (a, b) => a.dueMs - b.dueMs)
  #timer: NodeJS.Timeout | undefined
  #armedMs = 0
  #stopped = false
  #lastTickMs = Date.now()
  /** Due checks in a millisecond, in the mean. */
  #rate = 0
  #nextReleaseMs = 0
  #newestDueMs = 0

  constructor(private readonly due: (turn: Turn) => void) {}

  get size(): number {
    return this.#slots.size
  }

  /** Due checks in a second, in the mean. */
  get perSecond(): number {
    return this.#rate * 1_000
  }

  /** What is wrong, in words; undefined: it moves. */
  trouble(): string | undefined {
    const stillMs = this.#timer === undefined || this.#stopped ? 0 : performance.now() - this.#armedMs
    return stillMs > stuckMs ? `has not looked for what is due for ${Math.round(stillMs / 1000)} s` : undefined
  }

  /**
   * Takes the list as it is now. Unchanged websites keep their next slot, so that none is skipped or comes twice.
   *
   * @param slotsAfterMs the slots of a new one begin after it; left out: now
   */
  replace(
    websites: readonly Website[],
    defaultIntervalSeconds: number,
    slotsAfterMs: (website: Website) => number | undefined = () => undefined,
  ): void {
    const now = Date.now()
    const gone = new Set(this.#slots.keys())
    for (const website of websites) {
      gone.delete(website.id)
      const intervalMs = (website.interval ?? defaultIntervalSeconds) * 1000
      const slot = this.#slots.get(website.id)
      if (slot?.intervalMs === intervalMs) {
        slot.website = website
      } else {
        const phaseMs = phaseOf(website.id, intervalMs)
        // With another interval it has other slots.
        const afterMs = (slot ? undefined : slotsAfterMs(website)) ?? now - 1
        const added = { website, intervalMs, phaseMs, dueMs: firstDue(afterMs, phaseMs, intervalMs) }
        this.#slots.set(website.id, added)
        this.#queue.push(added)
      }
    }
    for (const id of gone) this.#slots.delete(id)
    this.#rate = 0
    for (const { intervalMs } of this.#slots.values()) this.#rate += 1 / intervalMs
    this.#arm()
  }

  /** @returns the time up to which slots have had their turn */
  stop(): number {
    this.#stopped = true
    clearTimeout(this.#timer)
    const next = this.#queue.peek()?.dueMs ?? Number.POSITIVE_INFINITY
    return Math.max(Math.min(Date.now(), next - 1), this.#newestDueMs)
  }

  #tick(): void {
    const now = Date.now()
    if (now < this.#lastTickMs - longestSleepMs) this.#startAnew(now)
    this.#lastTickMs = now
    for (let slot = this.#queue.peek(); slot && slot.dueMs <= now; slot = this.#queue.peek()) {
      // A slot that was replaced or deleted stays in the queue until its time, and is dropped here.
      if (this.#slots.get(slot.website.id) !== slot) {
        this.#queue.pop()
        continue
      }
      if (this.#nextReleaseMs > now) break
      this.#queue.pop()
      this.#release(now, slot.dueMs)
      const missed = Math.floor((now - slot.dueMs) / slot.intervalMs)
      const dueMs = slot.dueMs + missed * slot.intervalMs
      slot.dueMs = dueMs + slot.intervalMs
      this.#newestDueMs = Math.max(this.#newestDueMs, dueMs)
      this.#queue.push(slot)
      this.due({ website: slot.website, dueMs, intervalMs: slot.intervalMs, missed })
    }
    this.#arm()
  }

  /** Says when the next one may go, after one that was due at that time. */
  #release(now: number, dueMs: number): void {
    const patience = Math.min(Math.max(2 - (2 * (now - dueMs)) / longestDelayMs, 0), 1)
    // Of few websites the mean gap is seconds: whoever is due soon after another one does not wait for that.
    const gapMs = Math.min(patience / (this.#rate * fastestOverMean), longestDelayMs)
    // A pause earns nothing but the current millisecond: timers are no finer.
    this.#nextReleaseMs = Math.max(this.#nextReleaseMs, now - 1) + gapMs
  }

  /** The clock was set back: without this, nothing would be due until it had caught up. */
  #startAnew(now: number): void {
    this.#nextReleaseMs = 0
    this.#newestDueMs = 0
    for (const slot of this.#slots.values()) slot.dueMs = firstDue(now - 1, slot.phaseMs, slot.intervalMs)
    this.#queue = new TinyQueue([...this.#slots.values()], (a, b) => a.dueMs - b.dueMs)
  }

  #arm(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const next = this.#queue.peek()
    if (this.#stopped || !next) return
    const sleepMs = Math.min(Math.max(Math.max(next.dueMs, this.#nextReleaseMs) - Date.now(), 0), longestSleepMs)
    this.#timer = setTimeout(() => this.#tick(), sleepMs)
    this.#armedMs = performance.now()
  }
}

/** From SHA-256: another hash than the Kafka partitioner's, so that a partition's websites are spread as well. */
export function phaseOf(websiteId: string, intervalMs: number): number {
  return createHash('sha256').update(websiteId).digest().readUIntBE(0, 6) % intervalMs
}

/** The first slot after a time. */
function firstDue(afterMs: number, phaseMs: number, intervalMs: number): number {
  return (Math.floor((afterMs - phaseMs) / intervalMs) + 1) * intervalMs + phaseMs
}
