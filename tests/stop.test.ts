import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { freePort } from '../local/ports.ts'
import { type OwnWebsite, startWebsite } from './helpers/ownWebsite.ts'
import { Service, stopServices, until } from './helpers/services.ts'
import { addWebsites, createStack, type Stack } from './helpers/stack.ts'
import { startConsumer } from './helpers/startConsumer.ts'

/** A website that answers after so long, and counts what it was asked. */
let answerAfterMs = 0
let asked = 0
let website: OwnWebsite
let stack: Stack
beforeAll(async () => {
  website = await startWebsite((_, response) => {
    asked++
    setTimeout(() => response.end('Hello'), answerAfterMs)
  })
})
beforeEach(async () => {
  asked = 0
  answerAfterMs = 0
  stack = await createStack()
  await startConsumer(stack)
  await addWebsites(stack, `${website.url}/`, 20)
})
afterEach(async () => {
  await stopServices()
  await stack.stop()
})
afterAll(() => website.stop())

async function stored(): Promise<number> {
  return Number((await stack.pool.query('SELECT count(*) AS n FROM check_entry')).rows[0].n)
}

describe.each(['SIGTERM', 'SIGINT'] as const)('on %s', (signal) => {
  it('the producer lets running checks end, publishes them, and exits with 0', async () => {
    answerAfterMs = 1_500
    const producer = new Service('producer', { ...stack.env, WEBMON_MONITORING_INTERVAL: '2' })
    await until(() => asked >= 10)
    const stopped = producer.stop(signal)
    await sleep(50)
    const served = asked
    const { code, ms } = await stopped
    expect(code).toBe(0)
    expect(ms).toBeLessThan(8_000)
    expect(asked).toBe(served)
    await until(async () => (await stored()) === served)
  })

  it('the producer gives up checks that still run at second 6, and exits with 0 within 8 s', async () => {
    answerAfterMs = 30_000
    const producer = new Service('producer', { ...stack.env, WEBMON_MONITORING_TIMEOUT: '60' })
    await until(() => asked >= 5)
    const { code, ms } = await producer.stop(signal)
    expect(code).toBe(0)
    expect(ms).toBeGreaterThan(5_500)
    expect(ms).toBeLessThan(8_000)
    expect(await stored()).toBe(0)
  })
})

describe('a service that waits for Kafka and the database', () => {
  it.each(['producer', 'consumer'] as const)('says so in a line per attempt, and can be stopped: %s', async (name) => {
    const port = String(await freePort())
    const service = new Service(name, { ...stack.env, WEBMON_KAFKA_PORT: port, WEBMON_DATABASE_PORT: port })
    await until(
      () =>
        service.log.filter(({ msg }) =>
          /^preparing the topic \w+ at 127.0.0.1:\d+ failed: .*ECONNREFUSED.*; trying again in/.test(msg),
        ).length >= 2,
    )
    await service.logged(/^preparing the tables in \w+ at 127\.0\.0\.1:\d+ failed: .*ECONNREFUSED.*; trying again in/)
    const { code, ms } = await service.stop()
    expect(code).toBe(0)
    expect(ms).toBeLessThan(3_000)
  })
})

describe('run.js', () => {
  it('starts both services and ends both', async () => {
    const run = new Service('run', stack.env)
    await run.logged(/^checking 20 websites$/)
    await until(() => run.log.some(({ service, msg }) => service === 'consumer' && msg === 'joined the group'))
    const pids = new Set(run.log.map(({ pid }) => pid as number))
    expect(pids.size).toBe(2)
    expect((await run.stop('SIGINT')).code).toBe(0)
    for (const pid of pids) expect(() => process.kill(pid, 0)).toThrow('ESRCH')
  })

  it('dies with the first that dies', async () => {
    const run = new Service('run', stack.env)
    const { pid } = await run.logged(/^checking 20 websites$/)
    process.kill(pid as number, 'SIGKILL')
    expect(await run.exited).toBe(1)
    for (const one of new Set(run.log.map(({ pid }) => pid as number)))
      expect(() => process.kill(one, 0)).toThrow('ESRCH')
  })

  it('takes both with it when it is killed itself', async () => {
    const run = new Service('run', stack.env)
    await run.logged(/^checking 20 websites$/)
    run.kill('SIGKILL')
    const pids = new Set(run.log.map(({ pid }) => pid as number))
    const alive = (pid: number) => {
      try {
        return process.kill(pid, 0)
      } catch {
        return false
      }
    }
    await until(() => ![...pids].some(alive), 10_000)
  })
})

describe('a service', () => {
  it('ends with exit code 2 and one line when its configuration is wrong', async () => {
    const service = new Service('consumer', { ...stack.env, WEBMON_DATABASE_PORT: 'x' })
    expect(await service.exited).toBe(2)
    expect(service.errors).toEqual([
      'WEBMON_DATABASE_PORT (database.port): "x": expected a whole number from 1 to 65535',
    ])
    expect(service.log).toEqual([])
  })

  it('ends with exit code 1 and a line that says why when its port is taken', async () => {
    const { port } = website
    const service = new Service('consumer', { ...stack.env, WEBMON_CONSUMER_HTTP_PORT: String(port) })
    expect(await service.exited).toBe(1)
    expect(service.log.find(({ level }) => level === 'fatal')).toMatchObject({
      level: 'fatal',
      msg: `consumer.http: 127.0.0.1:${port} is taken: choose another port, or 0 for none`,
    })
  })
})
