/** How often a live line is written where it cannot be written over. */
const plainEveryMs = 10_000

/** Lines that stay, and below them one that is written over: on a terminal each time, elsewhere every 10 s. */
export class Terminal {
  #live = ''
  #lastPlain = 0

  constructor(private readonly out: NodeJS.WriteStream = process.stdout) {
    // A closed terminal or pipe must not end us before we have ended everything else.
    out.on('error', () => {})
  }

  say(line: string): void {
    this.out.write(`${this.#clear()}${line}\n${this.#shown()}`)
  }

  live(text: string): void {
    if (this.out.isTTY) {
      const clear = this.#clear()
      this.#live = text
      this.out.write(`${clear}${this.#shown()}`)
    } else if (Date.now() - this.#lastPlain >= plainEveryMs) {
      this.#lastPlain = Date.now()
      this.out.write(`${text}\n`)
    }
  }

  /** What the live line says last, stays. */
  endLive(): void {
    if (this.#live !== '') this.out.write('\n')
    this.#live = ''
  }

  #clear(): string {
    return this.#live === '' ? '' : '\r\x1b[2K'
  }

  /** Not longer than a line, of which only the last could be cleared. */
  #shown(): string {
    return this.#live.slice(0, Math.max(20, (this.out.columns || 80) - 1))
  }
}
