import type pg from 'pg'
import { buryDead, giveBack, type HeldShard, look, type Seen, take } from '../database/leases.ts'
import type { Logger } from '../logger.ts'
import { shards as allShards } from '../shard.ts'
import type { LeaseTimes } from './leaseTimes.ts'
import type { OwnShards } from './ownShards.ts'

export interface BalanceOptions {
  readonly database: pg.Pool
  readonly id: string
  readonly name: string
  readonly logger: Pick<Logger, 'info' | 'warn'>
  readonly times: LeaseTimes
  /** Is called when shards are gained or lost. */
  readonly changed: () => void
}

/** Gives back what is more than the fair share, takes what is missing, and frees what dead producers hold. */
export class Balance {
  #producers = 1
  #buriesFromMs = Number.NEGATIVE_INFINITY

  constructor(
    private readonly own: OwnShards,
    private readonly options: BalanceOptions,
  ) {}

  /** Takes over what the database says. */
  async look(): Promise<Seen> {
    const { database, id } = this.options
    const seen = await look(database, id)
    this.#producers = seen.producers
    const { gained, lost } = this.own.update(seen.held)
    if (lost.length > 0) this.#tell(`lost ${lost.length} shards: others took them over`, 'warn')
    if (gained.length > 0) this.#tell(`took ${gained.length} shards${formerHolders(gained)}`)
    return seen
  }

  /** @param place this producer's among those that live, from 1 on */
  async reach({ producers, dead, free }: Seen, place: number): Promise<void> {
    const { database, id, times } = this.options
    const mayBury = dead > 0 && performance.now() >= this.#buriesFromMs
    if (mayBury) await buryDead(database)
    const missing = fairShare(producers, place) - this.own.count
    if (missing < 0) await this.#giveBack(-missing)
    else if (missing > 0 && (mayBury || free > 0)) {
      await take(database, { id, leaseMs: times.lease }, missing)
      await this.look()
    }
  }

  /** Those who count as dead may only have been cut off, as this one was: they have time to renew their leases. */
  graceForOthers(): void {
    this.#buriesFromMs = performance.now() + this.options.times.grace
  }

  async #giveBack(count: number): Promise<void> {
    const { shards, slotsUntilMs } = this.own.letGo(count)
    await giveBack(this.options.database, this.options, shards, new Date(slotsUntilMs))
    this.#tell(`gave ${count} shards back: ${this.#producers} producers share the websites`)
  }

  #tell(what: string, level: 'info' | 'warn' = 'info'): void {
    const held = this.own.count
    const state = held === 0 ? 'standing by' : `holding ${held} of ${allShards}`
    this.options.logger[level]({ shards: held, producers: this.#producers }, `${what}; ${state}`)
    this.options.changed()
  }
}

/**
 * How many shards are one producer's, so that no two differ by more than one.
 *
 * @param place among all of them, from 1 on
 */
export function fairShare(producers: number, place: number): number {
  return Math.floor(allShards / producers) + Number(place <= allShards % producers)
}

/** ` (64 of host-1 7, 20 of host-2 9)` */
function formerHolders(gained: readonly HeldShard[]): string {
  const counts = new Map<string, number>()
  for (const { previous } of gained) if (previous !== null) counts.set(previous, (counts.get(previous) ?? 0) + 1)
  const words = [...counts].map(([name, count]) => `${count} of ${name}`)
  return words.length === 0 ? '' : ` (${words.join(', ')})`
}
