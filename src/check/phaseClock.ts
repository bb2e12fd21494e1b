/** The phases of a check, in their order. */
export const phases = ['dns', 'connect', 'tls', 'firstByte', 'body'] as const
export type Phase = (typeof phases)[number]

/** Milliseconds that each phase of the last request took; null: it was not reached. */
export type PhaseTimes = Readonly<Record<Phase, number | null>>

/**
 * Times the phases of a request. Every moment from its start belongs to one of them, so that DNS to first byte add up
 * to the response time, and what passed until a failure is billed to the phase that failed.
 */
export class PhaseClock {
  #startMs = performance.now()
  #sinceMs = this.#startMs
  #phase: Phase = 'dns'
  #times: Record<Phase, number | null> = { dns: null, connect: null, tls: null, firstByte: null, body: null }

  get phase(): Phase {
    return this.#phase
  }

  /** Milliseconds since the start of the request. */
  get elapsedMs(): number {
    return performance.now() - this.#startMs
  }

  /** Milliseconds from the start of the request to its headers, once the body's phase has begun. */
  get untilBodyMs(): number {
    return this.#sinceMs - this.#startMs
  }

  get times(): PhaseTimes {
    return this.#times
  }

  /** A redirect: the times are those of the last request, as the response time is. */
  restart(): void {
    this.#startMs = performance.now()
    this.#sinceMs = this.#startMs
    this.#phase = 'dns'
    this.#times = { dns: null, connect: null, tls: null, firstByte: null, body: null }
  }

  enter(phase: Phase): void {
    this.stop()
    this.#phase = phase
  }

  /** Bills what has passed to the running phase. */
  stop(): void {
    const nowMs = performance.now()
    this.#times[this.#phase] = (this.#times[this.#phase] ?? 0) + nowMs - this.#sinceMs
    this.#sinceMs = nowMs
  }
}
