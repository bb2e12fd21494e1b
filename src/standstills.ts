import { momentNow, msBetween } from './moment.ts'

const tickMs = 250
/** A tick that is so late was no busy moment: this process did nothing meanwhile. */
const standstillMs = 1_000

/**
 * Notices that this process stood still: it was stopped (SIGSTOP), its machine slept or was frozen, or its event loop
 * was stuck. What was measured meanwhile tells of the process, and nothing of the websites. A wall clock that was set
 * ahead counts as well, and does no harm.
 */
export class Standstills {
  #seen = momentNow()
  #lastMs = Number.NEGATIVE_INFINITY
  readonly #listeners: ((forMs: number) => void)[] = []
  readonly #timer = setInterval(() => this.now(), tickMs)

  /** @param listener is called with how long it was, as soon as this process does anything again that asks here */
  onEnd(listener: (forMs: number) => void): void {
    this.#listeners.push(listener)
  }

  /** The moment, in ms of `performance.now()`, for `since`. */
  now(): number {
    const now = momentNow()
    const forMs = msBetween(this.#seen, now)
    this.#seen = now
    if (forMs > tickMs + standstillMs) {
      this.#lastMs = now.monotonicMs
      for (const listener of this.#listeners) listener(forMs)
    }
    return now.monotonicMs
  }

  /** Whether this process stood still at any time after that moment. It need not have ticked again to know. */
  since(moment: number): boolean {
    this.now()
    return this.#lastMs > moment
  }

  stop(): void {
    clearInterval(this.#timer)
  }
}
