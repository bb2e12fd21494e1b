import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { Kafka, logLevel } from 'kafkajs'
import type pg from 'pg'
import { startKafka } from '../../local/kafka.ts'
import { startPostgres } from '../../local/postgres.ts'
import { Service } from '../helpers/services.ts'
import { databaseEnv, openPool } from '../helpers/stackEnv.ts'
import type { Topic } from '../helpers/topic.ts'

export const intervalMs = 2_000

/** A real Kafka, a real PostgreSQL, one consumer, and websites for any number of producers. */
export interface World {
  readonly pool: pg.Pool
  readonly topic: Topic
  startProducer(): Service
  stop(): Promise<void>
}

export async function createWorld(websites: number): Promise<World> {
  const website = http.createServer((_, response) => response.end('Hello'))
  website.listen(0, '127.0.0.1')
  await once(website, 'listening')
  const [kafka, postgres] = await Promise.all([startKafka(), startPostgres()])
  const [host, port] = kafka.address.split(':') as [string, string]
  const env = {
    ...databaseEnv(postgres.database),
    WEBMON_KAFKA_SERVER: host,
    WEBMON_KAFKA_PORT: port,
    WEBMON_KAFKA_TOPIC: 'webmon',
    WEBMON_KAFKA_CONSUMER_GROUP: 'webmon',
    WEBMON_MONITORING_INTERVAL: String(intervalMs / 1000),
  }
  const consumer = new Service('consumer', { ...env, WEBMON_LOG_LEVEL: 'INFO' })
  await consumer.logged(/^started$/)
  const pool = openPool(postgres.database)
  await pool.query('DELETE FROM website')
  await pool.query("INSERT INTO website (name, url) SELECT 'website ' || n, $1 FROM generate_series(1, $2) AS n", [
    `http://127.0.0.1:${(website.address() as AddressInfo).port}/`,
    websites,
  ])
  return {
    pool,
    topic: {
      kafka: new Kafka({ brokers: [kafka.address], logLevel: logLevel.NOTHING }),
      topic: 'webmon',
      group: 'webmon',
    },
    // At DEBUG each check is told with its slot.
    startProducer: () => new Service('producer', { ...env, WEBMON_LOG_LEVEL: 'DEBUG' }),
    async stop() {
      await consumer.stop()
      await pool.end()
      website.close()
      website.closeAllConnections()
      await Promise.all([kafka.stop(), postgres.stop()])
    },
  }
}
