import { setTimeout as sleep } from 'node:timers/promises'
import { Random } from '../chaos/random.ts'
import { type Service, stopServices, until } from '../helpers/services.ts'
import { drained } from '../helpers/topic.ts'
import { type Blow, type Verdict, verify } from './verify.ts'
import { createWorld, type World } from './world.ts'

export interface StormOptions {
  readonly producers: number
  readonly websites: number
  readonly minutes: number
  readonly seed: number
  readonly progress: (line: string) => void
}

export interface StormReport extends Verdict {
  readonly blows: Readonly<Record<string, number>>
  readonly producersStarted: number
}

/** Kills, stops, freezes and starts producers at random, and looks at the end who checked what, and when. */
export async function storm({ producers, websites, minutes, seed, progress }: StormOptions): Promise<StormReport> {
  const world = await createWorld(websites)
  try {
    const flock = new Flock(world)
    for (let n = 0; n < producers; n++) flock.start()
    await until(
      () => flock.checked >= websites,
      60_000,
      () => 'each website to be checked',
    )
    const fromMs = Date.now()
    const told = setInterval(() => progress(`${flock.checked} checks, ${flock.blows.length} blows`), 10_000)
    await flock.suffer(new Random(seed), fromMs + minutes * 60_000, producers).finally(() => clearInterval(told))
    const toMs = Date.now()
    await stopServicesOf(flock)
    await drained(world.topic, 120_000)
    const verdict = await verify(world.pool, flock.all, flock.blows, { fromMs, toMs })
    const blows: Record<string, number> = {}
    for (const { kind } of flock.blows) blows[kind] = (blows[kind] ?? 0) + 1
    return { ...verdict, blows, producersStarted: flock.all.length }
  } finally {
    await stopServices()
    await world.stop()
  }
}

/** All producers that ever were, and what happened to them. */
class Flock {
  readonly all: Service[] = []
  readonly running = new Set<Service>()
  readonly blows: Blow[] = []

  constructor(private readonly world: World) {}

  get checked(): number {
    return this.all.reduce((sum, { log }) => sum + log.length, 0)
  }

  start(): void {
    const service = this.world.startProducer()
    this.all.push(service)
    this.running.add(service)
  }

  /** One blow after the other; what ended is started again after a while, so that there are sometimes more of them. */
  async suffer(random: Random, endMs: number, usual: number): Promise<void> {
    let kinds: Blow['kind'][] = []
    while (Date.now() < endMs) {
      if (kinds.length === 0) kinds = random.shuffled(['kill', 'freeze', 'nap', 'term', 'start'])
      const kind = kinds.pop() as Blow['kind']
      const victim = [...this.running][random.between(0, this.running.size - 1)]
      const blow = { kind, fromMs: Date.now(), toMs: Date.now() }
      this.blows.push(blow)
      if (kind === 'start') this.start()
      else if (victim) await this.#strike(victim, kind, random)
      blow.toMs = Date.now()
      await sleep(random.between(500, 3_000))
      while (this.running.size < usual) this.start()
    }
  }

  async #strike(victim: Service, kind: Blow['kind'], random: Random): Promise<void> {
    if (kind === 'freeze' || kind === 'nap') {
      victim.kill('SIGSTOP')
      await sleep(kind === 'nap' ? random.between(500, 5_000) : random.between(11_000, 14_000))
      victim.kill('SIGCONT')
      return
    }
    this.running.delete(victim)
    victim.kill(kind === 'kill' ? 'SIGKILL' : 'SIGTERM')
    await victim.exited
  }
}

async function stopServicesOf({ running }: Flock): Promise<void> {
  await Promise.all([...running].map((service) => service.stop()))
}

/** What is wrong with a run, in words; nothing is good. */
export function complaints({ doubles, silentGaps, entries, coveredWrongly }: StormReport): string[] {
  return [
    entries === 0 && 'no entries',
    doubles.length > 0 && `${doubles.length} slots were checked twice`,
    silentGaps > 0 && `${silentGaps} slots passed unchecked far from any blow, and nobody told`,
    coveredWrongly > 0 && `${coveredWrongly} websites whose coverage is not that of their entries`,
  ].filter((complaint) => complaint !== false)
}
