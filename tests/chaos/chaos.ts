import { setTimeout as sleep } from 'node:timers/promises'
import { drained, secondsToCommit } from '../helpers/topic.ts'
import { type Fault, faultsIn } from './faults.ts'
import { type Incident, whatWasSaid } from './losses.ts'
import { Random } from './random.ts'
import { type Verdict, verify } from './verify.ts'
import { createWorld, threads, type World } from './world.ts'

export interface ChaosOptions {
  readonly minutes: number
  readonly seed: number
  readonly progress: (line: string) => void
}

export interface ChaosReport extends Verdict {
  /** Each minute nothing more goes wrong for a while: from the last fault healed to the next committed offset. */
  readonly committedAfterSeconds: readonly number[]
  /** From the last fault of all healed to a lag of 0. */
  readonly drainedAfterSeconds: number
  readonly cutOffAllowed: number
  /** Services that ended by themselves, and were started again. */
  readonly endedThemselves: readonly string[]
  readonly faults: Readonly<Record<string, number>>
  readonly seed: number
}

/** The bar of `committedAfterSeconds`. */
const barSeconds = 60
const drainedWithinMs = 240_000
const roundMs = 60_000
/** So many faults at a time, each to something else. */
const lanes = 2

/** Lets things go wrong at random, and counts at the end what came through. */
export async function chaos({ minutes, seed, progress }: ChaosOptions): Promise<ChaosReport> {
  const random = new Random(seed)
  const world = await createWorld({ withoutPartitions: true })
  const supervisor = supervise(world)
  const counts: Record<string, number> = { "partitions missing: today's and all to come": 1 }
  const committedAfterSeconds: number[] = []
  const interruptions = { count: 0 }
  const deck: Fault[] = []
  const incidents: Incident[] = []
  try {
    const endMs = Date.now() + minutes * 60_000
    const told = setInterval(() => {
      const left = Math.max(0, Math.ceil((endMs - Date.now()) / 1000))
      progress(`${left} s left, ${total(counts)} faults, ${world.served()} checks served`)
    }, 10_000)
    try {
      while (Date.now() < endMs) {
        const roundEndMs = Math.min(Date.now() + roundMs, endMs)
        const busy = new Set<string>()
        await Promise.all(
          Array.from({ length: lanes }, () =>
            inflict(world, random, { roundEndMs, busy, counts, interruptions, deck, incidents }),
          ),
        )
        committedAfterSeconds.push(await secondsToCommit(world.topic, drainedWithinMs).catch(() => Infinity))
      }
    } finally {
      clearInterval(told)
    }
    const healedMs = performance.now()
    await untilDrained(world)
    const drainedAfterSeconds = (performance.now() - healedMs) / 1000
    if (drainedAfterSeconds > barSeconds)
      for (const line of whatWasSaid(world, Date.now() - (drainedAfterSeconds + 60) * 1000, Date.now())) progress(line)
    await supervisor.stop()
    interruptions.count += await emptySpool(world, progress)
    await untilDrained(world)
    return {
      ...(await verify(world, incidents)),
      committedAfterSeconds: committedAfterSeconds.map((seconds) => Math.round(seconds * 10) / 10),
      drainedAfterSeconds,
      cutOffAllowed: threads * interruptions.count,
      endedThemselves: supervisor.ended,
      faults: counts,
      seed,
    }
  } finally {
    await supervisor.stop()
    await world.stop()
  }
}

interface Lane {
  readonly roundEndMs: number
  readonly busy: Set<string>
  readonly counts: Record<string, number>
  readonly interruptions: { count: number }
  /** Faults to come, so that each has its turn, also within a minute. */
  readonly deck: Fault[]
  readonly incidents: Incident[]
}

/** One fault after the other. */
async function inflict(
  world: World,
  random: Random,
  { roundEndMs, busy, counts, interruptions, deck, incidents }: Lane,
): Promise<void> {
  while (Date.now() < roundEndMs) {
    const isFree = ({ to }: Fault) => !to.some((victim) => busy.has(victim))
    if (!deck.some(isFree)) deck.push(...random.shuffled(faultsIn(world)))
    const fault = deck.splice(deck.findIndex(isFree), 1)[0] as Fault
    for (const victim of fault.to) busy.add(victim)
    counts[fault.name] = (counts[fault.name] ?? 0) + 1
    if (fault.interruptsChecks) interruptions.count++
    const incident = { fromMs: Date.now(), toMs: Number.POSITIVE_INFINITY, name: fault.name }
    incidents.push(incident)
    await fault.inflict(world, random)
    incident.toMs = Date.now()
    for (const victim of fault.to) busy.delete(victim)
    await sleep(random.between(0, 800))
  }
}

/** As Docker or systemd would: a service that ends by itself is started again. */
function supervise(world: World): { readonly ended: string[]; stop(): Promise<void> } {
  const ended: string[] = []
  let stopped = false
  const watch = async (name: 'producer' | 'consumer') => {
    while (!stopped) {
      const service = world.services[name]
      await Promise.race([service.exited, sleep(500)])
      const code = await Promise.race([service.exited, sleep(0, 'running' as const)])
      // Whoever ended it on purpose starts it again himself, at once.
      await sleep(200)
      if (code === 'running' || stopped || world.services[name] !== service) continue
      const last = service.log.findLast(({ level }) => level === 'fatal')?.msg ?? service.errors.at(-1)
      ended.push(`${name}, exit code ${code}: ${last}`)
      world.restart(name)
    }
  }
  const watching = Promise.all([watch('producer'), watch('consumer')])
  return {
    ended,
    async stop() {
      stopped = true
      await watching
    },
  }
}

/**
 * What the producer could not publish before its stop lies in its spool, and comes through when it starts the next time.
 *
 * @returns how often it was stopped
 */
async function emptySpool(world: World, progress: ChaosOptions['progress']): Promise<number> {
  for (let stops = 1; ; stops++) {
    await world.services.producer.stop()
    const left = await world.inSpool()
    if (left === 0) return stops
    if (stops === 10) throw new Error(`${left} entries are still in the spool:\n${world.services.producer.said()}`)
    progress(`${left} entries are in the spool after the stop: the producer is started once more`)
    world.restart('producer')
    await world.services.producer.logged(/^started$/, 60_000)
  }
}

async function untilDrained(world: World): Promise<void> {
  try {
    await drained(world.topic, drainedWithinMs)
  } catch (error) {
    const said = Object.values(world.services).map((service) => service.said())
    throw new Error(`${(error as Error).message}\n${said.join('\n')}`)
  }
}

export function total(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0)
}

/** What is wrong with a run, in words; nothing is good. */
export function complaints(report: ChaosReport): string[] {
  const { lost, twice, both, unconsumed, disagreements, cutOff, cutOffAllowed, committedAfterSeconds } = report
  const slowest = Math.max(...committedAfterSeconds)
  return [
    lost > 0 && `${lost} entries lost`,
    twice > 0 && `${twice} entries stored twice`,
    both > 0 && `${both} entries stored, and dead letters too`,
    unconsumed > 0 && `${unconsumed} partitions left unconsumed`,
    disagreements.length > 0 && `${disagreements.length} rollups or statuses that say something else than the rows`,
    cutOff < 0 && `${-cutOff} more entries than checks`,
    cutOff > cutOffAllowed && `${cutOff} checks without an entry, where ${cutOffAllowed} can be`,
    slowest > barSeconds && `the next offset was committed only ${slowest.toFixed(0)} s after the last fault`,
  ].filter((complaint) => complaint !== false)
}
