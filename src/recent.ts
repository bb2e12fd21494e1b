import { within } from './within.ts'

export interface RecentOptions {
  /** For so long an answer serves whoever asks. */
  readonly keepMs?: number
  /** So long whoever asks waits for one. */
  readonly waitMs?: number
}

/**
 * An answer of a server that may hang, asked for by people and machines as often as they like: it is kept for some
 * seconds, and at most one question is under way.
 */
export class Recent<T> {
  #asking: Promise<T> | undefined
  #answer: { readonly value: T; readonly atMs: number } | undefined

  constructor(
    private readonly ask: () => Promise<T>,
    private readonly options: RecentOptions = {},
  ) {}

  /** @throws what the question failed with, or that there is no answer in time */
  async get(): Promise<T> {
    const { keepMs = 5_000, waitMs = 3_000 } = this.options
    if (this.#answer && performance.now() - this.#answer.atMs < keepMs) return this.#answer.value
    this.#asking ??= this.#askOnce().finally(() => {
      this.#asking = undefined
    })
    return within(waitMs, this.#asking)
  }

  async #askOnce(): Promise<T> {
    const value = await this.ask()
    this.#answer = { value, atMs: performance.now() }
    return value
  }
}
