/** Once a minute is often enough for what is known already, and seldom enough to be read after a night. */
const minuteMs = 60_000

interface Known {
  /** Since the last line. */
  times: number
  write: (times: number) => void
}

/** Of what repeats, the first is told at once, and then at most once a minute how often it was. */
export class Repeats {
  readonly #known = new Map<string, Known>()

  constructor(private readonly everyMs = minuteMs) {}

  /**
   * @param what the same for the same
   * @param write tells of it; called with how often it was when its time has come
   * @returns whether it has been told of
   */
  tell(what: string, write: (times: number) => void): boolean {
    const known = this.#known.get(what)
    if (known) {
      known.times++
      known.write = write
      return false
    }
    const first = { times: 0, write }
    this.#known.set(what, first)
    this.#later(what, first)
    write(1)
    return true
  }

  #later(what: string, known: Known): void {
    const timer = setTimeout(() => {
      if (known.times === 0) {
        this.#known.delete(what)
        return
      }
      known.write(known.times)
      known.times = 0
      this.#later(what, known)
    }, this.everyMs)
    timer.unref()
  }
}
