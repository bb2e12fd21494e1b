import { afterEach, expect, it } from 'vitest'
import { freePort } from '../local/ports.ts'
import { renew, take } from '../src/database/leases.ts'
import { migrate } from '../src/database/migrations.ts'
import { uuidv7 } from '../src/uuid.ts'
import { scrape } from './helpers/metrics.ts'
import { Service, stopServices, until } from './helpers/services.ts'
import { createStack } from './helpers/stack.ts'
import { statusOf } from './helpers/status.ts'
import { silent } from './helpers/storing.ts'

afterEach(stopServices)

it('a producer for which nothing is left stands by and is ready, and takes its share when it can', async () => {
  const stack = await createStack()
  await migrate(stack.pool, { logger: silent })
  await stack.pool.query('DELETE FROM website')
  const other = { id: uuidv7(), name: 'other', leaseMs: 3_600_000, slotsUntil: new Date() }
  await renew(stack.pool, other)
  await take(stack.pool, other, 256)
  const port = await freePort()
  const producer = new Service('producer', { ...stack.env, WEBMON_PRODUCER_HTTP_PORT: String(port) })
  await producer.logged(/^started$/)
  await until(async () => (await statusOf(port, '/readyz')).code === 200)
  const { status, parts } = await statusOf(port, '/readyz')
  expect([status, parts.shards]).toEqual(['ready', 'standing by'])
  expect((await scrape(port)).get('webmon_shards_held')).toBe(0)
  await stack.pool.query('UPDATE producer_lease SET holder = NULL WHERE shard < 100')
  await producer.logged(/^took 100 shards; holding 100 of 256$/)
  expect((await scrape(port)).get('webmon_shards_held')).toBe(100)
  expect((await statusOf(port, '/readyz')).parts).not.toHaveProperty('shards')
  await producer.stop()
  await stack.stop()
})
