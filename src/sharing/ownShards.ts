import type { HeldShard } from '../database/leases.ts'
import { shardOfWebsite } from '../shard.ts'
import type { Website } from '../website.ts'
import type { LeaseTimes } from './leaseTimes.ts'

/** A shard of ours. */
export interface Lease {
  readonly shard: number
  /** The slots that are due up to then were somebody else's: ms of this machine's clock. */
  readonly slotsAfterMs: number
}

interface Given extends Lease {
  readonly slotsUntilMs: number
}

/**
 * This producer's shards, and of each of their slots whether it is ours: a producer starts none that is due after its
 * lease has ended, and whoever comes next starts none that is due before.
 */
export class OwnShards {
  #held = new Map<number, Lease>()
  /** Given back a moment ago: their last slots are ours, and may still wait for a thread. */
  readonly #given = new Map<number, Given>()
  /** Up to when slots of a shard that was ours have begun here, at most. */
  readonly #endedMs = new Map<number, number>()

  constructor(private readonly times: Pick<LeaseTimes, 'lease' | 'handOver' | 'catchUp'>) {}

  get count(): number {
    return this.#held.size
  }

  get held(): readonly Lease[] {
    return [...this.#held.values()]
  }

  /** Those of which slots are ours: held, or given back a moment ago. */
  get checked(): readonly Lease[] {
    return [...this.#held.values(), ...this.#given.values()]
  }

  /** Whether the website's slot is ours, as far as is known here. */
  owns(website: Website, dueMs: number): boolean {
    const shard = shardOfWebsite(website)
    const lease = this.#held.get(shard)
    if (lease) return dueMs > lease.slotsAfterMs
    const given = this.#given.get(shard)
    return given !== undefined && dueMs > given.slotsAfterMs && dueMs <= given.slotsUntilMs
  }

  /** Lets go of so many. Their slots up to `slotsUntilMs` stay ours. */
  letGo(count: number): { readonly shards: readonly number[]; readonly slotsUntilMs: number } {
    const slotsUntilMs = Date.now() + this.times.handOver
    const given = this.held.slice(-count)
    for (const lease of given) {
      this.#held.delete(lease.shard)
      this.#given.set(lease.shard, { ...lease, slotsUntilMs })
      this.#endedMs.set(lease.shard, slotsUntilMs)
    }
    return { shards: given.map(({ shard }) => shard), slotsUntilMs }
  }

  /** Takes over what the database says. */
  update(seen: readonly HeldShard[]): { readonly gained: readonly HeldShard[]; readonly lost: readonly number[] } {
    const goneMs = Date.now() - this.times.lease
    for (const [shard, { slotsUntilMs }] of this.#given) if (slotsUntilMs < goneMs) this.#given.delete(shard)
    const before = this.#held
    this.#held = new Map(seen.map((one) => [one.shard, before.get(one.shard) ?? this.#gained(one)]))
    const lost = [...before.keys()].filter((shard) => !this.#held.has(shard))
    for (const shard of lost) this.#endedMs.set(shard, Date.now())
    return { gained: seen.filter(({ shard }) => !before.has(shard)), lost }
  }

  /** By a clock that is far off, slots would be checked twice or not at all for as long; this bounds it. */
  #gained({ shard, slotsAfterMs }: HeldShard): Lease {
    this.#given.delete(shard)
    const earliest = Math.max(Date.now() - this.times.catchUp, this.#endedMs.get(shard) ?? 0)
    const latest = Date.now() + this.times.lease
    return { shard, slotsAfterMs: Math.min(Math.max(slotsAfterMs, earliest), latest) }
  }
}
