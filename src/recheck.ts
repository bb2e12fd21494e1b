import type { CheckEntry } from './checkEntry.ts'
import type { Turn } from './schedule.ts'
import type { Website } from './website.ts'

/** Has a website checked once more, beside its slots, some seconds after it stopped being available. */
export class Rechecks {
  readonly #available = new Map<string, boolean>()
  readonly #timers = new Set<NodeJS.Timeout>()

  /** @param seconds 0: never */
  constructor(
    private readonly seconds: number,
    private readonly due: (turn: Turn) => void,
  ) {}

  /** An entry of the website, as it is made. */
  seen(entry: CheckEntry, website: Website): void {
    if (this.seconds === 0) return
    const was = this.#available.get(website.id)
    this.#available.set(website.id, entry.available)
    if (was !== true || entry.available) return
    const intervalMs = this.seconds * 1000
    const timer = setTimeout(() => {
      this.#timers.delete(timer)
      this.due({ website, dueMs: Date.now(), intervalMs, missed: 0, recheck: true })
    }, intervalMs)
    this.#timers.add(timer)
  }

  /** Forgets websites that are no longer in the list. */
  keep(websites: readonly Website[]): void {
    const ids = new Set(websites.map(({ id }) => id))
    for (const id of this.#available.keys()) if (!ids.has(id)) this.#available.delete(id)
  }

  stop(): void {
    for (const timer of this.#timers) clearTimeout(timer)
  }
}
