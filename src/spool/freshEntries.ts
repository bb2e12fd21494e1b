import type { Portion, SpoolEntry } from './store.ts'

const mostEntries = 4_000
const mostBytes = 2_000_000

/**
 * The newest entries of the spool, so that a publisher that keeps up need not read them from the disk. When they become
 * too many they are given up: the publisher reads from the disk until it has caught up.
 */
export class FreshEntries {
  #entries: SpoolEntry[] = []
  #bytes = 0

  /** @param complete false: others are in the store alone, and go before these */
  constructor(private isComplete: boolean) {}

  get complete(): boolean {
    return this.isComplete
  }

  get entries(): number {
    return this.#entries.length
  }

  fills({ entries, bytes }: Portion): boolean {
    return this.#entries.length >= entries || this.#bytes >= bytes
  }

  /** Adds entries as they are written, without those that were taken from the store already. */
  push(entries: readonly SpoolEntry[], lastTaken: number): void {
    if (!this.isComplete) return
    for (const entry of entries) {
      if (entry.sequence <= lastTaken) continue
      this.#entries.push(entry)
      this.#bytes += entry.bytes
    }
    if (this.#entries.length > mostEntries || this.#bytes > mostBytes) this.giveUp()
  }

  take({ entries, bytes }: Portion): SpoolEntry[] {
    let count = 0
    for (let taken = 0; count < Math.min(entries, this.#entries.length); count++) {
      taken += this.#entries[count]?.bytes ?? 0
      if (count > 0 && taken > bytes) break
    }
    return this.#remove(count)
  }

  /** Forgets what was taken from the store. */
  drop(lastTaken: number): void {
    const kept = this.#entries.findIndex(({ sequence }) => sequence > lastTaken)
    this.#remove(kept === -1 ? this.#entries.length : kept)
  }

  /** What is pushed from now on is the newest, without a gap. */
  begin(): void {
    this.isComplete = true
  }

  giveUp(): void {
    this.isComplete = false
    this.#entries = []
    this.#bytes = 0
  }

  #remove(count: number): SpoolEntry[] {
    const removed = this.#entries.splice(0, count)
    for (const { bytes } of removed) this.#bytes -= bytes
    return removed
  }
}
