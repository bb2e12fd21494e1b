/** A moment, by both clocks. */
export interface Moment {
  /** Stands still while the machine sleeps. */
  readonly monotonicMs: number
  /** May be set. */
  readonly wallMs: number
}

/**
 * The time for which this process may trust what it knows. Who stood still meanwhile (a stopped process, a frozen virtual
 * machine, a laptop that slept) finds it lapsed, by the one clock or by the other.
 */
export class Allowance {
  #until: Moment = { monotonicMs: Number.NEGATIVE_INFINITY, wallMs: Number.NEGATIVE_INFINITY }
  #lapsed = true
  #lapses = 0

  constructor(private readonly ms: number) {}

  now(): Moment {
    return { monotonicMs: performance.now(), wallMs: Date.now() }
  }

  /** @param from when the question was sent that has been answered */
  extend({ monotonicMs, wallMs }: Moment): void {
    this.#until = { monotonicMs: monotonicMs + this.ms, wallMs: wallMs + this.ms }
    this.#lapsed = false
  }

  get lapsed(): boolean {
    if (!this.#lapsed && this.#isOver()) {
      this.#lapsed = true
      this.#lapses++
    }
    return this.#lapsed
  }

  /** How often it has lapsed. */
  get lapses(): number {
    return this.#lapses
  }

  #isOver(): boolean {
    const { monotonicMs, wallMs } = this.now()
    return monotonicMs >= this.#until.monotonicMs || wallMs >= this.#until.wallMs
  }
}
