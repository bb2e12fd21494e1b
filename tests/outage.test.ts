import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { type LocalKafka, startKafka } from '../local/kafka.ts'
import { type LocalPostgres, startPostgres } from '../local/postgres.ts'
import { Service, stopServices, until } from './helpers/services.ts'
import { databaseEnv, openPool } from './helpers/stackEnv.ts'
import { startWebsites, type Websites } from './helpers/websites.ts'

// A Kafka and a PostgreSQL of its own: they are taken away here.
let kafka: LocalKafka
let postgres: LocalPostgres
let websites: Websites
let env: Record<string, string>
beforeAll(async () => {
  ;[kafka, postgres, websites] = await Promise.all([startKafka(), startPostgres({ unsafe: true }), startWebsites()])
  env = {
    ...databaseEnv(postgres.database),
    WEBMON_KAFKA_SERVER: kafka.host,
    WEBMON_KAFKA_PORT: String(kafka.port),
    WEBMON_KAFKA_TOPIC: 'webmon',
    WEBMON_KAFKA_CONSUMER_GROUP: 'webmon',
  }
})
afterEach(stopServices)
afterAll(async () => {
  await Promise.all([kafka.stop(), postgres.stop(), websites.stop()])
})

/** Starts both services on 20 websites that are checked every second. */
async function start(): Promise<{ producer: Service; consumer: Service; pool: ReturnType<typeof openPool> }> {
  const pool = openPool(postgres.database)
  const consumer = new Service('consumer', env)
  await consumer.logged(/^started$/)
  await pool.query('DELETE FROM website')
  await pool.query('TRUNCATE check_entry')
  await pool.query("INSERT INTO website (name, url) SELECT 'website ' || n, $1 FROM generate_series(1, 20) AS n", [
    `${websites.url}/hello`,
  ])
  websites.log.length = 0
  const producer = new Service('producer', env)
  await producer.logged(/^checking 20 websites$/)
  return { producer, consumer, pool }
}

/** After a clean stop every check that the website has served is stored, once. */
async function expectAllStored(producer: Service, pool: ReturnType<typeof openPool>): Promise<void> {
  expect((await producer.stop()).code).toBe(0)
  const served = websites.log.length
  expect(served).toBeGreaterThan(60)
  const stored = async () => Number((await pool.query('SELECT count(*) AS n FROM check_entry')).rows[0].n)
  await until(async () => (await stored()) >= served)
  expect(await stored()).toBe(served)
  await pool.end()
}

describe('an outage', () => {
  it('of the broker: checks go on, and nothing is lost', async () => {
    const { producer, consumer, pool } = await start()
    await until(() => websites.log.length > 20)
    await kafka.kill()
    const before = websites.log.length
    await sleep(4_000)
    expect(websites.log.length - before).toBeGreaterThan(60)
    await producer.logged(/^Kafka: .*ECONNREFUSED/)
    await kafka.start()
    const recovered = performance.now()
    await until(async () => Number((await pool.query('SELECT count(*) AS n FROM check_entry')).rows[0].n) > before + 40)
    expect(performance.now() - recovered).toBeLessThan(20_000)
    await expectAllStored(producer, pool)
    expect((await consumer.stop()).code).toBe(0)
  })

  it('of the database: checks of the last list go on, and nothing is lost', async () => {
    const { producer, consumer, pool } = await start()
    await until(() => websites.log.length > 20)
    await postgres.kill()
    const before = websites.log.length
    await sleep(4_000)
    expect(websites.log.length - before).toBeGreaterThan(60)
    await producer.logged(/^reading the websites failed: /)
    await consumer.logged(/^storing failed: .*; trying again in/)
    await postgres.start()
    await expectAllStored(producer, pool)
    expect((await consumer.stop()).code).toBe(0)
  })

  it('of the database does not hold up the stop of the consumer', async () => {
    const { producer, consumer, pool } = await start()
    await until(() => websites.log.length > 20)
    await producer.stop()
    const busy = new Service('producer', env)
    await busy.logged(/^checking 20 websites$/)
    await postgres.kill()
    await consumer.logged(/^storing failed: /)
    const { code, ms } = await consumer.stop()
    expect(code).toBe(0)
    expect(ms).toBeLessThan(8_000)
    await postgres.start()
    await pool.end()
  })
})
