/** Waits with an end: the timer of one is gone as soon as it is over, and `close` ends all of them. */
export class Waits {
  readonly #pending = new Set<() => void>()
  #closed = false

  /**
   * What the promise brings; undefined when that takes longer than so many milliseconds, or the waits are closed.
   *
   * @throws what the promise is rejected with in that time
   */
  within<T>(ms: number, promise: Promise<T>): Promise<T | undefined> {
    if (this.#closed) return Promise.resolve(undefined)
    return new Promise((resolve, reject) => {
      const end = () => {
        clearTimeout(timer)
        this.#pending.delete(end)
        // After the promise has brought something this changes nothing.
        resolve(undefined)
      }
      const timer = setTimeout(end, ms)
      this.#pending.add(end)
      promise.then(resolve, reject).finally(end)
    })
  }

  async pause(ms: number): Promise<void> {
    await this.within(ms, new Promise<never>(() => {}))
  }

  close(): void {
    this.#closed = true
    for (const end of this.#pending) end()
  }
}
