/** A second signal within this time is the first one once more: npx and tsx hand on what the terminal sent to all. */
const sameSignalMs = 500

type Release = (hurry: AbortSignal) => Promise<unknown>

/** The end of `make local`: Ctrl-C and its like, and what is to be undone then, the last first. */
export class Stop {
  readonly #asked = new AbortController()
  readonly #hurry = new AbortController()
  readonly #releasers: { what: string; release: Release }[] = []
  #askedAt = 0

  readonly asked = this.#asked.signal
  readonly askedFor = new Promise<undefined>((resolve) => {
    this.asked.addEventListener('abort', () => resolve(undefined), { once: true })
  })

  constructor(private readonly say: (line: string) => void) {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => this.#ask())
  }

  later(what: string, release: Release): void {
    this.#releasers.push({ what, release })
  }

  async undoAll(): Promise<void> {
    const started = this.#releasers.length > 0
    // Asked for or not, the next signal hurries.
    this.#asked.abort()
    for (const { what, release } of this.#releasers.reverse()) {
      try {
        await release(this.#hurry.signal)
      } catch (error) {
        this.say(`stopping ${what}: ${error instanceof Error ? error.message : error}`)
      }
    }
    if (started) this.say('all stopped')
  }

  #ask(): void {
    if (!this.#asked.signal.aborted) {
      this.#askedAt = Date.now()
      this.say('stopping producer, consumer, Kafka, PostgreSQL ... (again: at once)')
      this.#asked.abort()
    } else if (Date.now() - this.#askedAt > sameSignalMs) {
      this.#hurry.abort()
    }
  }
}
