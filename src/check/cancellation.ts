/**
 * The end of a check, whatever is under way. A check does one thing at a time, so that there is one way out at a time:
 * each thing says how it is ended when it begins, in place of the one before. (An AbortSignal with its listeners does
 * the same for more than a tenth of the processor time of a check.)
 */
export class Cancellation {
  #reason: unknown
  #cancelled = false
  #end: ((reason: unknown) => void) | undefined

  /** Ends what is under way, and whatever begins afterwards. Only the first call counts. */
  cancel(reason: unknown): void {
    if (this.#cancelled) return
    this.#cancelled = true
    this.#reason = reason
    this.#end?.(reason)
  }

  /** @param end closes and rejects what begins now; it may be called long after that is over, and must not mind */
  begin(end: (reason: unknown) => void): void {
    this.#end = end
    if (this.#cancelled) end(this.#reason)
  }

  /** Waits no longer than until the end: work that cannot be ended goes on by itself, and nobody hears of it. */
  race<T>(work: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.begin(reject)
      work.then(resolve, reject)
    })
  }
}
