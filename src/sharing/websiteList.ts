import type { Database } from '../database/database.ts'
import { readWebsites } from '../database/websites.ts'
import { shardOfWebsite } from '../shard.ts'
import type { Website } from '../website.ts'
import type { Lease } from './ownShards.ts'

type Take = (websites: readonly Website[], slotsAfterMs: (website: Website) => number | undefined) => void

/** The websites of this producer's shards, as they were last read. */
export class WebsiteList {
  readonly #known = new WeakSet<Lease>()
  #size = 0
  #reading: Promise<void> | undefined
  #next: Promise<void> | undefined

  constructor(
    private readonly database: Database,
    private readonly leases: { readonly checked: readonly Lease[] },
    private readonly take: Take,
  ) {}

  get size(): number {
    return this.#size
  }

  /** Reads them as they are from now on: while they are being read, this waits and reads them once more. */
  async read(): Promise<void> {
    if (this.#reading === undefined) {
      this.#reading = this.#read().finally(() => {
        this.#reading = undefined
      })
      return await this.#reading
    }
    this.#next ??= this.#reading
      .catch(() => undefined)
      .then(() => {
        this.#next = undefined
        return this.read()
      })
    await this.#next
  }

  async #read(): Promise<void> {
    const leases = new Map(this.leases.checked.map((lease) => [lease.shard, lease]))
    const websites = await readWebsites(this.database, [...leases.keys()])
    this.#size = websites.length
    // Of a shard that was taken the slots begin where the former holder ended; a website that is new to it begins now.
    this.take(websites, (website) => {
      const lease = leases.get(shardOfWebsite(website))
      return lease === undefined || this.#known.has(lease) ? undefined : lease.slotsAfterMs
    })
    for (const lease of leases.values()) this.#known.add(lease)
  }
}
