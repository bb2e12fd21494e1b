import { type CheckEntry, isNewer, statusAfter } from '../checkEntry.ts'
import type { WebsiteStatus } from '../website.ts'
import { BinaryArray } from './binaryArray.ts'

/**
 * Of each website that entries are of: what the newest one says, and the time of the oldest.
 *
 * Column by column and not entry by entry: what is kept here outlives the chunk's other objects, so that the garbage
 * collector has to carry it along until the database has answered.
 */
export class NewestEntries {
  readonly #numbers = new Map<string, number>()
  readonly #websiteIds = new BinaryArray('uuid')
  readonly #oldestMs: number[] = []
  readonly #timesMs: number[] = []
  readonly #ids: string[] = []
  readonly #statuses: WebsiteStatus[] = []
  readonly #expiresMs: number[] = []
  readonly #issuers: (string | null)[] = []

  add(entry: CheckEntry): void {
    const timeMs = entry.timestamp.getTime()
    const known = this.#numbers.get(entry.websiteId)
    if (known === undefined) {
      const number = this.#numbers.size
      this.#numbers.set(entry.websiteId, number)
      this.#websiteIds.uuid(entry.websiteId)
      this.#oldestMs.push(timeMs)
      this.#keep(number, timeMs, entry)
      return
    }
    if (isNewer(timeMs, entry.id, this.#timesMs[known] as number, this.#ids[known] as string))
      this.#keep(known, timeMs, entry)
    else if (timeMs < (this.#oldestMs[known] as number)) this.#oldestMs[known] = timeMs
  }

  get size(): number {
    return this.#numbers.size
  }

  /** Where a website stands in each column. */
  numberOf(websiteId: string): number {
    return this.#numbers.get(websiteId) as number
  }

  /** Of all of them, in the order of their numbers. */
  websiteIds(): Buffer {
    return this.#websiteIds.finish()
  }

  /** The id of the newest entry. */
  id(number: number): string {
    return this.#ids[number] as string
  }

  /** The time of the newest entry, in ms of the Unix epoch. */
  newestMs(number: number): number {
    return this.#timesMs[number] as number
  }

  /** The time of the oldest entry, in ms of the Unix epoch. */
  oldestMs(number: number): number {
    return this.#oldestMs[number] as number
  }

  status(number: number): WebsiteStatus {
    return this.#statuses[number] as WebsiteStatus
  }

  /** When the newest entry's certificate ends, in ms of the Unix epoch; null: it has none. */
  expiresMs(number: number): number | null {
    const ms = this.#expiresMs[number] as number
    return Number.isNaN(ms) ? null : ms
  }

  issuer(number: number): string | null {
    return this.#issuers[number] as string | null
  }

  /** The time of the oldest entry of all, in ms of the Unix epoch. */
  oldestOfAllMs(): number {
    let oldest = Date.now()
    for (const ms of this.#oldestMs) oldest = Math.min(oldest, ms)
    return oldest
  }

  #keep(number: number, timeMs: number, entry: CheckEntry): void {
    this.#timesMs[number] = timeMs
    this.#ids[number] = entry.id
    this.#statuses[number] = statusAfter(entry)
    this.#expiresMs[number] = entry.certificate?.expires.getTime() ?? Number.NaN
    this.#issuers[number] = entry.certificate?.issuer ?? null
  }
}
