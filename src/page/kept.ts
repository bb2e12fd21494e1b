export interface KeptOptions {
  /** For so long an answer serves whoever asks, at least. */
  readonly leastMs: number
  /** And for so many times as long as it took: so reading never takes more than a known share of a processor. */
  readonly timesItsCost: number
}

/** An answer of the database that all visitors share: at most one question is under way, however many there are. */
export class Kept<T> {
  #asking: Promise<T> | undefined
  #wantedMs = Number.NEGATIVE_INFINITY
  #kept: { readonly value: T; readonly atMs: number; readonly forMs: number } | undefined

  constructor(
    private readonly ask: () => Promise<T>,
    private readonly options: KeptOptions,
  ) {}

  /** One that is not older than it may be. @throws what the question failed with */
  fresh(): Promise<T> {
    return this.#kept && !this.#isOld(this.#kept) ? Promise.resolve(this.#kept.value) : this.#askOnce()
  }

  /**
   * What is there, without waiting, as long as it is no older than this: for as long as somebody asks, a newer one is
   * fetched meanwhile. When nobody has asked for longer, one that is not old.
   */
  soon(mostMs = Number.POSITIVE_INFINITY): Promise<T> {
    this.#wantedMs = performance.now()
    if (!this.#kept || this.ageMs > mostMs) return this.fresh()
    if (this.#isOld(this.#kept)) this.#askOnce().catch(() => undefined)
    return Promise.resolve(this.#kept.value)
  }

  /** The last answer, however old. */
  last(): T | undefined {
    return this.#kept?.value
  }

  get ageMs(): number {
    return this.#kept ? performance.now() - this.#kept.atMs : Number.POSITIVE_INFINITY
  }

  #isOld({ forMs }: { readonly forMs: number }): boolean {
    return this.ageMs >= forMs
  }

  #askOnce(): Promise<T> {
    this.#asking ??= this.#time().finally(() => {
      this.#asking = undefined
    })
    return this.#asking
  }

  async #time(): Promise<T> {
    const startMs = performance.now()
    const value = await this.ask()
    const atMs = performance.now()
    const { leastMs, timesItsCost } = this.options
    const forMs = Math.max(leastMs, timesItsCost * (atMs - startMs))
    this.#kept = { value, atMs, forMs }
    // Pages ask every 5 s.
    const next = () => {
      if (performance.now() - this.#wantedMs < 10_000) this.#askOnce().catch(() => undefined)
    }
    setTimeout(next, forMs).unref()
    return value
  }
}
