import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type LocalKafka, startKafka } from '../local/kafka.ts'
import { encode } from '../src/message.ts'
import { DiskStore } from '../src/spool/diskStore.ts'
import { mayHoldEntries } from '../src/spool/folders.ts'
import { bytesOf } from '../src/spool/store.ts'
import { checkEntry } from './helpers/entries.ts'
import { Service, stopServices, until } from './helpers/services.ts'
import { addWebsites, createSpoolStack, type SpoolStack } from './helpers/stack.ts'
import { startConsumer } from './helpers/startConsumer.ts'
import { silent } from './helpers/storing.ts'
import { startWebsites, type Websites } from './helpers/websites.ts'

// A Kafka of its own: it is taken away here.
let kafka: LocalKafka
let websites: Websites
let stack: SpoolStack
/** The path that producers share. */
let spool: string

beforeAll(async () => {
  ;[kafka, websites] = await Promise.all([startKafka(), startWebsites()])
})
beforeEach(async () => {
  stack = await createSpoolStack(kafka)
  spool = stack.env.WEBMON_PRODUCER_SPOOL_PATH as string
  await startConsumer(stack)
  await addWebsites(stack, `${websites.url}/hello`, 20)
})
afterEach(async () => {
  await stopServices()
  await stack.stop()
})
afterAll(async () => {
  await Promise.all([kafka.stop(), websites.stop()])
})

async function startProducer(): Promise<Service> {
  const producer = new Service('producer', stack.env)
  await producer.logged(/^checking \d+ websites$/)
  return producer
}

async function stored(): Promise<Set<string>> {
  const { rows } = await stack.pool.query<{ id: string }>('SELECT check_entry_id AS id FROM check_entry')
  expect(new Set(rows.map(({ id }) => id)).size).toBe(rows.length)
  return new Set(rows.map(({ id }) => id))
}

async function untilStored(ids: readonly string[]): Promise<void> {
  await until(async () => {
    const there = await stored()
    return ids.every((id) => there.has(id))
  }, 60_000)
}

/** Of the checks whose write to the spool has returned. */
function finished(producer: Service): string[] {
  return producer.log.filter(({ msg }) => /^checked /.test(msg)).map(({ id }) => id as string)
}

/** As a producer that is gone left it. */
async function leave(at: string, count: number): Promise<string[]> {
  const { rows } = await stack.pool.query<{ id: string }>('SELECT website_id AS id FROM website LIMIT 1')
  const websiteId = rows[0]?.id as string
  const entries = Array.from({ length: count }, (_, n) =>
    checkEntry({ websiteId, timestamp: new Date(Date.now() - n) }),
  )
  const { store } = await DiskStore.open(at, silent)
  await store.write(
    entries.map((entry, n) => {
      const value = encode(entry)
      return { sequence: n + 1, key: websiteId, value, bytes: bytesOf(websiteId, value) }
    }),
    [],
  )
  await store.close()
  return entries.map(({ id }) => id)
}

describe('producers that share producer.spool.path', () => {
  it('have a folder each, also when they start at the same time, and the lowest that is free', async () => {
    await Promise.all(Array.from({ length: 3 }, startProducer))
    expect(readdirSync(spool).sort()).toEqual(['1', '2', '3'])
    await stopServices()
    await startProducer()
    expect(readdirSync(spool).sort()).toEqual(['1', '2', '3'])
  })

  it('publish what one that was killed left while the broker was away', async () => {
    const [killed, other] = [await startProducer(), await startProducer()]
    await kafka.kill()
    await until(() => finished(killed).length >= 60)
    killed.kill('SIGKILL')
    await killed.exited
    expect(await mayHoldEntries(path.join(spool, '1'))).toBe(true)
    await kafka.start()
    await other.logged(/^all that was left in \S+\/1 is taken over$/, 60_000)
    await untilStored([...finished(killed), ...finished(other)])
    expect(await mayHoldEntries(path.join(spool, '1'))).toBe(false)
    // And the emptied folder is of use again.
    const next = await startProducer()
    await until(() => finished(next).length >= 20)
    expect(readdirSync(spool).sort()).toEqual(['1', '2'])
  }, 120_000)

  it('lose nothing when the one that takes over is killed in the middle', async () => {
    const ids = await leave(path.join(spool, '7'), 30_000)
    const producers = await Promise.all([startProducer(), startProducer()])
    const taking = (producer: Service) => producer.log.some(({ msg }) => /entries were left in \S+\/7:/.test(msg))
    const killed = await until(() => producers.find(taking))
    await until(async () => (await stored()).size > 3_000)
    killed.kill('SIGKILL')
    await killed.exited
    await untilStored(ids)
  }, 120_000)

  it('go on where a folder is damaged, and say what to do', async () => {
    const damaged = path.join(spool, '1')
    await leave(damaged, 10)
    const manifest = readdirSync(damaged).find((name) => name.startsWith('MANIFEST-')) as string
    writeFileSync(path.join(damaged, manifest), 'not what LevelDB has written')
    const ids = await leave(path.join(spool, '5'), 10)
    const producer = await startProducer()
    const { level } = await producer.logged(
      /the spool in \S+\/1 is damaged \(.*\): move this folder away; what it holds/,
    )
    expect(level).toBe('error')
    await untilStored(ids)
    expect(existsSync(path.join(spool, '2'))).toBe(true)
  })

  it('take along what an earlier version left in the path itself', async () => {
    const ids = await leave(spool, 2_500)
    const producer = await startProducer()
    await producer.logged(/^all that was left in \S+\/spool is taken over$/)
    await untilStored(ids)
    expect(await mayHoldEntries(spool)).toBe(false)
  })
})
