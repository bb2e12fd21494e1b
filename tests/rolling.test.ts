import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { disagreements } from './helpers/agreement.ts'
import { Service, stopServices, until } from './helpers/services.ts'
import { createStack, type Stack } from './helpers/stack.ts'
import { drained } from './helpers/topic.ts'

const websites = 300
const threads = 50
/** What runs may finish until then: a stop that took longer has given checks up. */
const abortedAfterMs = 6_000

let stack: Stack
let spool: string
/** Requests by website. */
const served = new Map<string, number>()
const server = http.createServer(({ url = '' }, response) => {
  served.set(url, (served.get(url) ?? 0) + 1)
  response.end('Hello')
})

beforeAll(async () => {
  stack = await createStack()
  spool = mkdtempSync(path.join(tmpdir(), 'webmon-rolling-'))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
})
afterEach(stopServices)
afterAll(async () => {
  await stack.stop()
  server.close()
  server.closeAllConnections()
  rmSync(spool, { recursive: true })
})

const total = () => [...served.values()].reduce((sum, requests) => sum + requests, 0)

it('a rolling restart of two consumers and the producer, at 300 checks a second, loses nothing and stores nothing twice', async () => {
  const env = {
    ...stack.env,
    WEBMON_LOG_LEVEL: 'INFO',
    WEBMON_PRODUCER_THREADS: String(threads),
    // What one run cannot publish before its end, the next one finds.
    WEBMON_PRODUCER_SPOOL_PATH: path.join(spool, 'spool'),
  }
  const ready = { producer: /^checking 300 websites$/, consumer: /^joined the group$/ }
  const start = async (name: 'producer' | 'consumer') => {
    const service = new Service(name, env)
    await service.logged(ready[name])
    return service
  }
  const first = await start('consumer')
  await stack.pool.query('DELETE FROM website')
  await stack.pool.query(
    "INSERT INTO website (name, url) SELECT 'website ' || n, $1 || n FROM generate_series(1, $2) AS n",
    [`http://127.0.0.1:${(server.address() as AddressInfo).port}/`, websites],
  )
  const services = [first, await start('consumer'), await start('producer')]
  await until(() => total() > websites)

  let slowStops = 0
  for (let round = 0; round < 2; round++) {
    for (const [n, service] of services.entries()) {
      const before = total()
      const { code, ms } = await service.stop()
      expect(code, service.said()).toBe(0)
      if (service.name === 'producer' && ms >= abortedAfterMs) slowStops++
      services[n] = await start(service.name as 'producer' | 'consumer')
      // All of them at work again, before the next one goes.
      await until(() => total() > before + websites)
    }
  }
  const { code, ms } = await (services[2] as Service).stop()
  expect(code).toBe(0)
  if (ms >= abortedAfterMs) slowStops++
  await drained(stack)

  const { rows } = await stack.pool.query<{ url: string; entries: number; ids: number }>(
    `SELECT substring(url from '/[0-9]+$') AS url, count(*)::integer AS entries,
            count(DISTINCT check_entry_id)::integer AS ids
       FROM check_entry JOIN website USING (website_id) GROUP BY url`,
  )
  expect(rows).toHaveLength(websites)
  const cutOff = rows.reduce((sum, { url, entries }) => sum + (served.get(url) as number) - entries, 0)
  expect(rows.filter(({ url, entries }) => entries > (served.get(url) as number))).toEqual([])
  expect(rows.filter(({ entries, ids }) => entries !== ids)).toEqual([])
  expect(cutOff).toBeLessThanOrEqual(threads * slowStops)
  expect((await stack.pool.query('TABLE dead_letter')).rows).toEqual([])
  // Each was counted once, whichever consumer it was.
  expect(await disagreements(stack.pool)).toEqual([])
  for (const consumer of services.slice(0, 2)) expect((await consumer.stop()).code).toBe(0)
}, 120_000)
