/**
 * A moment by both clocks of this machine, for times in which this process may have stood still. After such a time the
 * clock that says more is right, or was set ahead, which cannot be told apart.
 */
export interface Moment {
  /** Goes on while this process is stopped (SIGSTOP), and stands still while the machine sleeps: `performance.now()`. */
  readonly monotonicMs: number
  /** Goes on while the machine sleeps, and may be set: ms of the Unix epoch. */
  readonly wallMs: number
}

export function momentNow(): Moment {
  return { monotonicMs: performance.now(), wallMs: Date.now() }
}

/** How much time has passed, by the clock that says more. */
export function msBetween(earlier: Moment, later: Moment): number {
  return Math.max(later.monotonicMs - earlier.monotonicMs, later.wallMs - earlier.wallMs)
}
