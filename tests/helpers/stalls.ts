import { schedulerWaitMs } from './schedulerWait.ts'

const everyMs = 5

/**
 * Watches the event loop and the memory of this process. The time for which the loop stands still is what a timer is
 * late, less what the thread waited for a processor: other programs on the machine are not its fault.
 */
export class Stalls {
  worstStallMs = 0
  mostRss = 0
  #dueMs = performance.now() + everyMs
  #waitMs = schedulerWaitMs()
  #timer: NodeJS.Timeout = setTimeout(() => this.#tick(), everyMs)

  stop(): void {
    clearTimeout(this.#timer)
  }

  #tick(): void {
    const lateMs = performance.now() - this.#dueMs
    const waitMs = schedulerWaitMs()
    this.worstStallMs = Math.max(this.worstStallMs, lateMs - (waitMs - this.#waitMs))
    this.mostRss = Math.max(this.mostRss, process.memoryUsage.rss())
    this.#waitMs = waitMs
    this.#dueMs = performance.now() + everyMs
    this.#timer = setTimeout(() => this.#tick(), everyMs)
  }
}
