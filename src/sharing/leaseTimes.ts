/** In ms. */
export interface LeaseTimes {
  /** From one look at the database to the next: so soon a newcomer, a free shard and a dead producer are noticed. */
  readonly lookEvery: number
  readonly renewEvery: number
  /** So long after its last renewal a producer counts as dead. The clocks of producers may differ by less than this. */
  readonly lease: number
  /** What is given to a newcomer is still checked for so long, until that one has noticed. */
  readonly handOver: number
  /** Whoever comes back to the database lets the others renew first, who may have been cut off by the same thing. */
  readonly grace: number
  /** Slots that nobody checked are made up for when a shard is taken, if they are no older. */
  readonly catchUp: number
}

export const leaseTimes: LeaseTimes = {
  lookEvery: 1_000,
  renewEvery: 3_000,
  lease: 10_000,
  handOver: 1_500,
  grace: 5_000,
  catchUp: 20_000,
}
