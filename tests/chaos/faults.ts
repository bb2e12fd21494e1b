import { existsSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { standStill } from '../helpers/processes.ts'
import type { Random } from './random.ts'
import type { World } from './world.ts'

/** Something that goes wrong, and is well again when the promise is resolved. */
export interface Fault {
  readonly name: string
  /** What it happens to: two at a time happen to different things. */
  readonly to: readonly Victim[]
  /** Of the producer: up to as many checks as there are threads may be cut off by it, without an entry. */
  readonly interruptsChecks?: boolean
  readonly inflict: (world: World, random: Random) => Promise<void>
}

type ServiceName = 'producer' | 'consumer'
type Victim = ServiceName | 'kafka' | 'postgres' | 'kafkaProxy' | 'databaseProxy' | 'topic'

const services = (['producer', 'consumer'] as const).flatMap((name): Fault[] => {
  const interruptsChecks = name === 'producer'
  return [
    { name: `${name}: kill -9`, to: [name], interruptsChecks, inflict: (world) => end(world, name, 'SIGKILL') },
    { name: `${name}: SIGTERM`, to: [name], interruptsChecks, inflict: (world) => end(world, name, 'SIGTERM') },
    {
      name: `${name}: stands still`,
      to: [name],
      interruptsChecks,
      async inflict(world, random) {
        const service = world.services[name]
        service.kill('SIGSTOP')
        await sleep(random.between(500, 5_000))
        service.kill('SIGCONT')
      },
    },
  ]
})

const servers = (['kafka', 'postgres'] as const).flatMap((name): Fault[] => [
  {
    name: `${name}: kill -9`,
    to: [name],
    async inflict(world, random) {
      await world[name].kill()
      await sleep(random.between(0, 6_000))
      await world[name].start()
    },
  },
  {
    name: `${name}: stop`,
    to: [name],
    async inflict(world, random) {
      await world[name].stop({ keep: true })
      await sleep(random.between(0, 3_000))
      await world[name].start()
    },
  },
  {
    name: `${name}: stands still`,
    to: [name],
    async inflict(world, random) {
      const goOn = standStill(world[name].process.pid)
      await sleep(random.between(500, 5_000))
      goOn()
    },
  },
])

const ways = (['kafkaProxy', 'databaseProxy'] as const).flatMap((name): Fault[] => {
  const way = name === 'kafkaProxy' ? 'way to kafka' : 'way to postgres'
  return [
    {
      name: `${way}: cut`,
      to: [name],
      async inflict(world, random) {
        world[name].cut(() => random.next() < 0.5)
      },
    },
    {
      name: `${way}: slow`,
      to: [name],
      async inflict(world, random) {
        world[name].delay(random.between(50, 1_000))
        await sleep(random.between(1_000, 5_000))
        world[name].delay(0)
      },
    },
    {
      name: `${way}: frozen`,
      to: [name],
      async inflict(world, random) {
        world[name].freeze()
        await sleep(random.between(500, 8_000))
        world[name].thaw()
      },
    },
    {
      name: `${way}: forgotten`,
      to: [name],
      async inflict(world) {
        world[name].forget()
      },
    },
  ]
})

const combined: Fault[] = [
  {
    name: 'producer: kill -9 while the broker is gone',
    to: ['producer', 'kafka'],
    interruptsChecks: true,
    async inflict(world, random) {
      await world.kafka.kill()
      await sleep(random.between(500, 3_000))
      await end(world, 'producer', 'SIGKILL')
      await sleep(random.between(500, 3_000))
      await world.kafka.start()
    },
  },
  {
    name: 'consumer: kill -9 while the database is gone',
    to: ['consumer', 'postgres'],
    async inflict(world, random) {
      await world.postgres.kill()
      await sleep(random.between(500, 3_000))
      await end(world, 'consumer', 'SIGKILL')
      await world.postgres.start()
    },
  },
  {
    name: "spool's disk: full",
    to: ['producer'],
    // What cannot be written waits in memory; a stop meanwhile would lose it, and there is none.
    async inflict(world, random) {
      if (world.disk === null) return
      const ballast = path.join(world.disk, 'ballast')
      try {
        for (let n = 0; ; n++) writeFileSync(`${ballast}-${n}`, Buffer.alloc(1_000_000))
      } catch {
        // Full to within a megabyte: the rest byte by byte.
        try {
          for (let n = 0; ; n++) writeFileSync(`${ballast}-rest-${n}`, Buffer.alloc(4_096))
        } catch {}
      }
      await sleep(random.between(500, 4_000))
      for (let n = 0; existsSync(`${ballast}-${n}`); n++) rmSync(`${ballast}-${n}`)
      for (let n = 0; existsSync(`${ballast}-rest-${n}`); n++) rmSync(`${ballast}-rest-${n}`)
    },
  },
]

const messages: Fault[] = [
  {
    name: 'partitions missing: a late entry',
    to: ['topic'],
    inflict: (world, random) => world.publishLate(random.between(2, 300)),
  },
  { name: 'a message that cannot be read', to: ['topic'], inflict: (world) => world.publishNonsense() },
]

const all: readonly Fault[] = [...services, ...servers, ...ways, ...combined, ...messages]

/** What can go wrong here: where no disk of its own can be mounted, the spool's does not become full. */
export function faultsIn(world: World): readonly Fault[] {
  return all.filter(({ name }) => world.disk !== null || name !== "spool's disk: full")
}

async function end(world: World, name: ServiceName, signal: NodeJS.Signals): Promise<void> {
  const service = world.services[name]
  service.kill(signal)
  await service.exited
  world.restart(name)
}
