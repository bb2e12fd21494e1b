import type { Address } from './address.ts'

/** A website that moved is followed within half a minute, whatever its TTL says. */
const longestSeconds = 30
/** Some 5 MB when full. */
const mostNames = 10_000

interface Entry {
  readonly addresses: readonly Address[]
  readonly expiresMs: number
}

/**
 * Complete answers of the name servers, for as long as their TTL says and at most 30 s. That a name is not there, or
 * could not be asked for, is never kept: an outage would be reported beyond its end, and a website is checked too seldom
 * for that to save anything.
 */
export class Cache {
  readonly #entries = new Map<string, Entry>()

  constructor(private readonly now: () => number) {}

  get size(): number {
    return this.#entries.size
  }

  get(name: string): readonly Address[] | undefined {
    const entry = this.#entries.get(name)
    if (entry === undefined || this.now() < entry.expiresMs) return entry?.addresses
    this.#entries.delete(name)
    return undefined
  }

  set(name: string, addresses: readonly Address[], ttlSeconds: number): void {
    if (ttlSeconds <= 0) return
    // A Map keeps the order of insertion: the first is the oldest, and with 30 s for the longest it has soon expired.
    this.#entries.delete(name)
    const [oldest] = this.#entries.size >= mostNames ? this.#entries.keys() : []
    if (oldest !== undefined) this.#entries.delete(oldest)
    this.#entries.set(name, { addresses, expiresMs: this.now() + Math.min(ttlSeconds, longestSeconds) * 1000 })
  }
}
