import fs from 'node:fs'

/**
 * Milliseconds that a process's main thread has been ready to run and had no processor, since its start (Linux,
 * Documentation/scheduler/sched-stats.rst): what other programs take from it. Elsewhere 0.
 */
export function schedulerWaitMs(pid: number | 'self' = 'self'): number {
  try {
    const [, waitNs] = fs.readFileSync(`/proc/${pid}/schedstat`, 'latin1').split(' ')
    return Number(waitNs) / 1e6
  } catch {
    return 0
  }
}
