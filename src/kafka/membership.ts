import type { Consumer } from 'kafkajs'

/**
 * The broker puts a member out of the group that was not heard of for so long. One that is killed leaves its partitions
 * standing for this time and 1 to 3 s more.
 */
export const sessionTimeoutMs = 10_000

/** A consumer's place in its group, as its events tell it. */
export class Membership {
  #partitions: readonly number[] | undefined
  #heardMs = 0

  constructor({ on, events }: Consumer, topic: string) {
    on(events.GROUP_JOIN, ({ payload }) => {
      this.#partitions = payload.memberAssignment[topic] ?? []
      this.#heardMs = performance.now()
    })
    on(events.REBALANCING, () => {
      this.#partitions = undefined
    })
    // Also while a chunk is being stored, however long that takes.
    on(events.HEARTBEAT, () => {
      this.#heardMs = performance.now()
    })
  }

  /** The partitions that are this consumer's; none while it is not in the group. */
  get partitions(): readonly number[] {
    return this.#partitions ?? []
  }

  /** What is wrong, in words; undefined: nothing. */
  trouble(): string | undefined {
    if (this.#partitions === undefined) return 'not in the group yet'
    const silentMs = performance.now() - this.#heardMs
    return silentMs > sessionTimeoutMs ? `no heartbeat was answered for ${Math.round(silentMs / 1000)} s` : undefined
  }
}
