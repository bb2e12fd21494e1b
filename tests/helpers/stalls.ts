import { threadTimes } from './threadTimes.ts'

const everyMs = 5

/**
 * Watches the event loop and the memory of this process. How late a timer is depends on the machine as well: on a shared
 * one, 600 ms were seen of which the process ran for 33. So a stall is the time that the loop worked between two timers.
 */
export class Stalls {
  worstStallMs = 0
  /** With what the machine took. */
  worstLateMs = 0
  mostRss = 0
  #dueMs = performance.now() + everyMs
  #runMs = threadTimes()?.runMs
  #timer: NodeJS.Timeout = setTimeout(() => this.#tick(), everyMs)

  stop(): void {
    clearTimeout(this.#timer)
  }

  #tick(): void {
    const lateMs = performance.now() - this.#dueMs
    const runMs = threadTimes()?.runMs
    const workedMs = (runMs ?? Number.POSITIVE_INFINITY) - (this.#runMs ?? 0)
    this.worstLateMs = Math.max(this.worstLateMs, lateMs)
    this.worstStallMs = Math.max(this.worstStallMs, Math.min(lateMs, workedMs))
    this.mostRss = Math.max(this.mostRss, process.memoryUsage.rss())
    this.#runMs = runMs
    this.#dueMs = performance.now() + everyMs
    this.#timer = setTimeout(() => this.#tick(), everyMs)
  }
}
