import type pg from 'pg'
import { shards } from '../../src/shard.ts'
import { Leases } from '../../src/sharing/leases.ts'
import type { LeaseTimes } from '../../src/sharing/leaseTimes.ts'
import { uuidv7 } from '../../src/uuid.ts'
import { until } from './services.ts'

/** A third as long as the producers have it, and more often. */
export const testTimes: LeaseTimes = {
  lookEvery: 100,
  renewEvery: 500,
  lease: 3_000,
  handOver: 300,
  grace: 1_000,
  catchUp: 6_000,
}

/** A producer's part in sharing, in this process. */
export class Member {
  readonly said: string[] = []
  readonly leases: Leases

  constructor(database: pg.Pool, name: string, times = testTimes) {
    const note = (first: unknown, message?: string) => this.said.push(message ?? String(first))
    this.leases = new Leases({ database, id: uuidv7(), name, logger: { info: note, warn: note } as never, times })
  }

  get count(): number {
    return this.leases.held.length
  }
}

/** Waits until each shard is held by exactly one of them, and they hold as many as that. */
export async function shared(members: readonly Member[], counts: readonly number[], withinMs = 20_000): Promise<void> {
  await until(
    () => {
      const held = members.flatMap(({ leases }) => leases.held.map(({ shard }) => shard))
      const isOnce = held.length === shards && new Set(held).size === shards
      return isOnce && members.every(({ count }, n) => count === counts[n])
    },
    withinMs,
    () =>
      `${counts}; they hold ${members.map(({ count }) => count)}:\n${members.flatMap(({ said }) => said).join('\n')}`,
  )
}
