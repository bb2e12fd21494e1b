import type { Portion, SpoolEntry, Store } from './store.ts'

/** Keeps the entries in this process: when it ends, they are gone. */
export class MemoryStore implements Store {
  readonly durable = false
  readonly name = 'memory'
  readonly #entries = new Map<number, SpoolEntry>()

  async write(added: readonly SpoolEntry[], removed: readonly number[]): Promise<void> {
    for (const entry of added) this.#entries.set(entry.sequence, entry)
    for (const sequence of removed) this.#entries.delete(sequence)
  }

  async read(after: number, { entries, bytes }: Portion): Promise<SpoolEntry[]> {
    const found: SpoolEntry[] = []
    let foundBytes = 0
    for (const entry of this.#entries.values()) {
      if (entry.sequence <= after) continue
      foundBytes += entry.bytes
      if (found.length >= entries || (found.length > 0 && foundBytes > bytes)) break
      found.push(entry)
    }
    return found
  }

  async shortage(): Promise<undefined> {
    return undefined
  }

  async close(): Promise<void> {}
}
