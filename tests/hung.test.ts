import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createWorld, type World } from './chaos/world.ts'
import { disagreements } from './helpers/agreement.ts'
import { standStill } from './helpers/processes.ts'
import { until } from './helpers/services.ts'
import { drained, secondsToCommit } from './helpers/topic.ts'

/** After the last fault is mended an offset is committed within so many seconds. */
const barSeconds = 60

let world: World
beforeAll(async () => {
  world = await createWorld()
  await secondsToCommit(world.topic, 30_000)
})
afterAll(() => world.stop())

const joins = () => world.services.consumer.log.filter(({ msg }) => msg === 'joined the group').length

async function expectAllStored(): Promise<void> {
  const { producer } = world.services
  expect((await producer.stop()).code).toBe(0)
  await drained(world.topic)
  const { rows } = await world.pool.query(
    'SELECT count(*)::integer AS rows, count(DISTINCT check_entry_id)::integer AS ids FROM check_entry',
  )
  expect(rows).toEqual([{ rows: world.served(), ids: world.served() }])
  expect(await disagreements(world.pool)).toEqual([])
  world.restart('producer')
}

describe('checks are stored again', () => {
  it('after the database has stood still for longer than a session of the group, whose members stay in it', async () => {
    const goOn = standStill(world.postgres.process.pid)
    await sleep(15_000)
    const before = joins()
    goOn()
    expect(await secondsToCommit(world.topic, barSeconds * 1_000)).toBeLessThan(barSeconds)
    expect([before, joins()]).toEqual([1, 1])
    await expectAllStored()
  })

  it('within a minute after a firewall has forgotten every connection', async () => {
    await secondsToCommit(world.topic, 30_000)
    world.kafkaProxy.forget()
    world.databaseProxy.forget()
    expect(await secondsToCommit(world.topic, barSeconds * 1_000)).toBeLessThan(barSeconds)
    const { consumer } = world.services
    expect(consumer.log.filter(({ level }) => level === 'fatal')).toEqual([])
    await expectAllStored()
  }, 150_000)

  it('by the other one, when one of two consumers is killed', async () => {
    const second = world.start('consumer')
    await second.logged(/^joined the group$/)
    await secondsToCommit(world.topic, 30_000)
    second.kill('SIGKILL')
    const held = () => world.services.consumer.log.filter(({ msg }) => msg === 'joined the group').at(-1)?.partitions
    await until(() => (held() as number[]).length === 6)
    expect(await secondsToCommit(world.topic, barSeconds * 1_000)).toBeLessThan(barSeconds)
    await expectAllStored()
  })
})
