import { setTimeout as sleep } from 'node:timers/promises'
import { lags } from '../helpers/topic.ts'
import { faults } from './faults.ts'
import { Random } from './random.ts'
import { createWorld, threads, type World } from './world.ts'

export interface ChaosOptions {
  readonly minutes: number
  readonly seed: number
  readonly progress: (line: string) => void
}

/** What became of everything. Each of the first four must be 0 or true. */
export interface ChaosReport {
  /** Entries whose write to the spool returned, and which are neither a row nor a dead letter. */
  readonly lost: number
  readonly twice: number
  /** Partitions with messages that were never consumed. */
  readonly unconsumed: number
  /** From the last fault healed to a lag of 0. */
  readonly recoveredAfterSeconds: number
  readonly served: number
  readonly stored: number
  readonly deadLetters: number
  /** Checks that the website has served, and that have no entry: cut off together with the producer. */
  readonly cutOff: number
  readonly cutOffAllowed: number
  readonly faults: Readonly<Record<string, number>>
  readonly seed: number
}

const restartWithinMs = 60_000

/** Lets things go wrong at random, one or two at a time, and counts at the end what came through. */
export async function chaos({ minutes, seed, progress }: ChaosOptions): Promise<ChaosReport> {
  const random = new Random(seed)
  const world = await createWorld()
  const supervisor = supervise(world)
  const counts: Record<string, number> = {}
  let interruptions = 0
  try {
    await dropPartitions(world, counts)
    const endMs = Date.now() + minutes * 60_000
    for (let next = Date.now() + 10_000; Date.now() < endMs; ) {
      const fault = random.pick(faults)
      counts[fault.name] = (counts[fault.name] ?? 0) + 1
      if (fault.interruptsChecks) interruptions++
      await fault.inflict(world, random)
      await sleep(random.between(0, 800))
      if (Date.now() > next) {
        next += 10_000
        progress(
          `${Math.ceil((endMs - Date.now()) / 1000)} s left, ${total(counts)} faults, ${world.served()} checks served`,
        )
      }
    }
    const healedMs = performance.now()
    await untilDrained(world)
    const recoveredAfterSeconds = (performance.now() - healedMs) / 1000
    supervisor.stop()
    await world.services.producer.stop()
    interruptions++
    await untilDrained(world)
    return { ...(await verify(world, interruptions)), recoveredAfterSeconds, faults: counts, seed }
  } finally {
    supervisor.stop()
    await world.stop()
  }
}

/** As Docker or systemd would: a service that ends by itself is started again. */
function supervise(world: World): { stop(): void } {
  let stopped = false
  const watch = async (name: 'producer' | 'consumer') => {
    while (!stopped) {
      const service = world.services[name]
      await Promise.race([service.exited, sleep(500)])
      const ended = await Promise.race([service.exited.then(() => true), sleep(0, false)])
      // Whoever ended it on purpose starts it again himself, at once.
      await sleep(200)
      if (ended && !stopped && world.services[name] === service) world.restart(name)
    }
  }
  void watch('producer')
  void watch('consumer')
  return {
    stop() {
      stopped = true
    },
  }
}

/** Partitions that are missing: today's and all to come, while they are still empty. */
async function dropPartitions(world: World, counts: Record<string, number>): Promise<void> {
  const today = new Date().toISOString().slice(0, 10).replaceAll('-', '')
  const { rows } = await world.pool.query<{ name: string }>(
    `SELECT inhrelid::regclass::text AS name FROM pg_inherits
      WHERE inhparent = 'check_entry'::regclass AND inhrelid::regclass::text >= $1`,
    [`check_entry_${today}`],
  )
  await world.pool.query(
    `BEGIN; LOCK TABLE check_entry; DELETE FROM check_entry; ${rows.map(({ name }) => `DROP TABLE ${name};`).join(' ')} COMMIT`,
  )
  counts[`${rows.length} partitions missing`] = 1
}

async function untilDrained(world: World): Promise<void> {
  const deadline = Date.now() + 2 * restartWithinMs
  for (;;) {
    await sleep(500)
    const lag = await lags(world.topic).catch(() => undefined)
    if (lag && Object.values(lag).every((messages) => messages === 0)) return
    if (Date.now() > deadline) {
      const said = Object.values(world.services).map((service) => service.said())
      throw new Error(`not drained: ${JSON.stringify(lag)}\n${said.join('\n')}`)
    }
  }
}

async function verify(
  world: World,
  interruptions: number,
): Promise<Omit<ChaosReport, 'recoveredAfterSeconds' | 'faults' | 'seed'>> {
  // The producer logs a check when its entry's write to the spool has returned.
  const spooled = new Set<string>()
  for (const { name, log } of world.everStarted) {
    if (name !== 'producer') continue
    for (const { msg, id } of log) if (msg.startsWith('checked ')) spooled.add(id as string)
  }
  const { rows } = await world.pool.query<{ id: string }>('SELECT check_entry_id AS id FROM check_entry')
  const stored = new Set(rows.map(({ id }) => id))
  const dead = await world.pool.query<{ value: Buffer | null }>('SELECT value FROM dead_letter')
  const deadIds = new Set(dead.rows.map(({ value }) => /"id":"([^"]+)"/.exec(value?.toString() ?? '')?.[1]))
  const served = world.served()
  return {
    lost: [...spooled].filter((id) => !stored.has(id) && !deadIds.has(id)).length,
    twice: rows.length - stored.size,
    unconsumed: Object.values(await lags(world.topic)).filter((messages) => messages !== 0).length,
    served,
    stored: rows.length,
    deadLetters: dead.rows.length,
    cutOff: served - rows.length,
    cutOffAllowed: threads * interruptions,
  }
}

export function total(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0)
}

/** What is wrong with a run, in words; nothing is good. */
export function complaints(report: ChaosReport): string[] {
  const { lost, twice, unconsumed, cutOff, cutOffAllowed, recoveredAfterSeconds } = report
  return [
    lost > 0 && `${lost} entries lost`,
    twice > 0 && `${twice} entries stored twice`,
    unconsumed > 0 && `${unconsumed} partitions left unconsumed`,
    cutOff < 0 && `${-cutOff} more entries than checks`,
    cutOff > cutOffAllowed && `${cutOff} checks without an entry, where ${cutOffAllowed} can be`,
    recoveredAfterSeconds > restartWithinMs / 1000 &&
      `drained only ${recoveredAfterSeconds.toFixed(0)} s after the last fault`,
  ].filter((complaint) => complaint !== false)
}
