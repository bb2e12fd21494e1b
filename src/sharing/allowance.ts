import { type Moment, momentNow, msBetween } from '../moment.ts'

/**
 * The time for which this process may trust what it knows. Who stood still meanwhile (a stopped process, a frozen virtual
 * machine, a laptop that slept) finds it lapsed.
 */
export class Allowance {
  /** Undefined: nothing is known, or it has lapsed. */
  #since: Moment | undefined
  #lapses = 0

  constructor(private readonly ms: number) {}

  /** @param since when the question was sent that has been answered */
  extend(since: Moment): void {
    this.#since = since
  }

  get lapsed(): boolean {
    if (this.#since && msBetween(this.#since, momentNow()) >= this.ms) {
      this.#since = undefined
      this.#lapses++
    }
    return this.#since === undefined
  }

  /** How often it has lapsed. */
  get lapses(): number {
    return this.#lapses
  }
}
