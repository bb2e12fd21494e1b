import fs from 'node:fs'

/** Milliseconds of a process's main thread since its start. */
export interface ThreadTimes {
  /** On a processor. */
  readonly runMs: number
  /** Ready to run, but none was free: what other programs take from it. */
  readonly waitMs: number
}

/** From Linux (Documentation/scheduler/sched-stats.rst); undefined elsewhere. */
export function threadTimes(pid: number | 'self' = 'self'): ThreadTimes | undefined {
  try {
    const [runNs, waitNs] = fs.readFileSync(`/proc/${pid}/schedstat`, 'latin1').split(' ')
    return { runMs: Number(runNs) / 1e6, waitMs: Number(waitNs) / 1e6 }
  } catch {
    return undefined
  }
}
