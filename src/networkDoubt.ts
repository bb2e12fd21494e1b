import type { CheckError } from './check/checkError.ts'
import type { CheckEntry } from './checkEntry.ts'
import type { Logger } from './logger.ts'
import type { Website } from './website.ts'

/** What the monitor's own network can cause, as long as no response came. */
const networkErrors: ReadonlySet<string> = new Set<CheckError>(['dns', 'refused', 'unreachable', 'reset', 'timeout'])

const fewest = 5

/**
 * Whether it is rather the monitor's own network that fails. Since the first network error, the newest check of each
 * website counts: while it was a network error for at least 5 of them and for more than half, entries with a network
 * error are suspect. With fewer than 5 websites there is never a doubt.
 */
export class NetworkDoubt {
  /** By website, since the first network error: whether its newest check was one. */
  readonly #newest = new Map<string, boolean>()
  #failing = 0
  #since: Date | null = null
  #told = false

  constructor(private readonly logger: Pick<Logger, 'info' | 'warn'>) {}

  /** Since when there is a doubt; null: there is none. */
  get since(): Date | null {
    const { size } = this.#newest
    return this.#failing >= fewest && this.#failing > size / 2 ? this.#since : null
  }

  /** The entry, marked where it is suspect. To be asked about every entry, in the order in which checks end. */
  judge(entry: CheckEntry): CheckEntry {
    const failed = entry.httpStatus === 0 && networkErrors.has(entry.error ?? '')
    if (this.#since === null && !failed) return entry
    this.#since ??= entry.timestamp
    this.#count(entry.websiteId, failed)
    const { since } = this
    this.#tell(since !== null)
    if (this.#failing <= this.#newest.size / 2) this.#end()
    return failed && since ? { ...entry, suspectSince: since } : entry
  }

  /** Forgets websites that are no longer in the list. */
  keep(websites: readonly Website[]): void {
    if (this.#newest.size === 0) return
    const ids = new Set(websites.map(({ id }) => id))
    for (const [id, failed] of this.#newest) {
      if (ids.has(id)) continue
      this.#newest.delete(id)
      this.#failing -= Number(failed)
    }
  }

  #count(websiteId: string, failed: boolean): void {
    this.#failing += Number(failed) - Number(this.#newest.get(websiteId) ?? false)
    this.#newest.set(websiteId, failed)
  }

  #tell(inDoubt: boolean): void {
    if (inDoubt === this.#told) return
    this.#told = inDoubt
    const failing = `${this.#failing} of ${this.#newest.size} websites fail with a network error`
    if (inDoubt) this.logger.warn(`the network of this machine is in doubt: ${failing}`)
    else this.logger.info('the network of this machine is no longer in doubt')
  }

  #end(): void {
    this.#newest.clear()
    this.#failing = 0
    this.#since = null
  }
}
