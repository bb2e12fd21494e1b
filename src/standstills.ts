const tickMs = 250
/** A tick that is so late was no busy moment: this process did nothing meanwhile. */
const standstillMs = 1_000

/**
 * Notices that this process stood still: it was stopped (SIGSTOP), its machine slept or was frozen, or its event loop
 * was stuck. What was measured meanwhile tells of the process, and nothing of the websites.
 *
 * It looks at two clocks: the monotonic one goes on during SIGSTOP and stands still while a machine sleeps, where the
 * wall clock is ahead afterwards. (So it is when it was set ahead, which cannot be told apart, and does no harm.)
 */
export class Standstills {
  #monotonicMs = performance.now()
  #wallMs = Date.now()
  #lastMs = Number.NEGATIVE_INFINITY
  readonly #timer = setInterval(() => this.now(), tickMs)

  /** @param ended is called with how long it was, as soon as this process does anything again that asks here */
  constructor(private readonly ended: (forMs: number) => void) {}

  /** The moment, in ms of `performance.now()`, for `since`. */
  now(): number {
    const monotonicMs = performance.now()
    const wallMs = Date.now()
    const forMs = Math.max(monotonicMs - this.#monotonicMs, wallMs - this.#wallMs)
    this.#monotonicMs = monotonicMs
    this.#wallMs = wallMs
    if (forMs > tickMs + standstillMs) {
      this.#lastMs = monotonicMs
      this.ended(forMs)
    }
    return monotonicMs
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
