import type { World } from './world.ts'

/** What happened when, in ms of the Unix epoch. */
export interface Incident {
  readonly fromMs: number
  toMs: number
  readonly name: string
}

const aroundMs = 30_000

/** For whoever looks into a loss: when these entries were made, whether Kafka has them, and what went wrong about then. */
export async function describeLosses(
  world: World,
  lost: ReadonlySet<string>,
  incidents: readonly Incident[],
): Promise<string[]> {
  const places = await placesInTopic(world, lost)
  const checks = world.everStarted
    .filter(({ name }) => name === 'producer')
    .flatMap(({ log }) => log.filter(({ id }) => lost.has(id as string)))
    .map(({ time, pid, id }) => ({ atMs: Date.parse(String(time)), pid, id: id as string }))
    .sort((a, b) => a.atMs - b.atMs)
  const groups: (typeof checks)[] = []
  for (const check of checks) {
    const last = groups.at(-1)?.at(-1)
    if (last && check.atMs - last.atMs < 2_000) groups.at(-1)?.push(check)
    else groups.push([check])
  }
  return groups.flatMap((group) => {
    const [fromMs, toMs] = [group[0]?.atMs ?? 0, group.at(-1)?.atMs ?? 0]
    const inTopic = group.flatMap(({ id }) => places.get(id) ?? [])
    const pids = [...new Set(group.map(({ pid }) => pid))]
    return [
      `${group.length} entries of ${at(fromMs)} to ${at(toMs)}, producer ${pids}; ${inTopic.length} in the topic: ${rangesOf(inTopic)}`,
      ...incidents
        .filter((incident) => incident.toMs > fromMs - aroundMs && incident.fromMs < toMs + aroundMs)
        .map((incident) => `    ${at(incident.fromMs)} to ${at(incident.toMs)}: ${incident.name}`),
      ...whatWasSaid(world, fromMs - aroundMs, toMs + 2 * aroundMs),
    ]
  })
}

/** By the services, without what they say every second. */
export function whatWasSaid(world: World, fromMs: number, toMs: number): string[] {
  return world.everStarted
    .flatMap(({ name, log }) =>
      log.map((line) => ({ ...line, name, pid: line.pid, atMs: Date.parse(String(line.time)) })),
    )
    .filter(({ atMs }) => atMs > fromMs && atMs < toMs)
    .filter(({ msg }) => !/^a website is |checks began late|^checked |^stored \d/.test(msg))
    .sort((a, b) => a.atMs - b.atMs)
    .map(({ atMs, name, pid, level, msg }) => `        ${at(atMs)} ${name} ${pid} ${level}: ${msg.slice(0, 200)}`)
}

const at = (ms: number) => new Date(ms).toISOString().slice(11, 23)

interface Place {
  readonly partition: number
  readonly offset: number
}

function rangesOf(places: readonly Place[]): string {
  const partitions = [...new Set(places.map(({ partition }) => partition))].sort()
  return partitions
    .map((partition) => {
      const offsets = places.filter((place) => place.partition === partition).map(({ offset }) => offset)
      return `${partition}: ${Math.min(...offsets)}-${Math.max(...offsets)} (${offsets.length})`
    })
    .join(', ')
}

/** Reads the whole topic as a group of its own. */
async function placesInTopic(
  { topic: { kafka, topic } }: World,
  ids: ReadonlySet<string>,
): Promise<Map<string, Place[]>> {
  const places = new Map<string, Place[]>()
  const admin = kafka.admin()
  await admin.connect()
  const left = new Map((await admin.fetchTopicOffsets(topic)).map(({ partition, high }) => [partition, Number(high)]))
  await admin.disconnect()
  const consumer = kafka.consumer({ groupId: 'losses', retry: { retries: 10 } })
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  await new Promise<void>((resolve) => {
    void consumer.run({
      eachBatch: async ({ batch: { partition, messages } }) => {
        for (const { value, offset } of messages) {
          const id = /"id":"([^"]+)"/.exec(String(value))?.[1]
          if (id && ids.has(id)) places.set(id, [...(places.get(id) ?? []), { partition, offset: Number(offset) }])
        }
        if (Number(messages.at(-1)?.offset) + 1 >= (left.get(partition) ?? 0)) left.delete(partition)
        if (left.size === 0) resolve()
      },
    })
  })
  await consumer.disconnect()
  return places
}
