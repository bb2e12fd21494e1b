import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { Kafka, logLevel } from 'kafkajs'
import type pg from 'pg'
import { pino } from 'pino'
import { type LocalKafka, startKafka } from '../../local/kafka.ts'
import { freePort } from '../../local/ports.ts'
import { type LocalPostgres, startPostgres } from '../../local/postgres.ts'
import { encode } from '../../src/message.ts'
import { DiskStore } from '../../src/spool/diskStore.ts'
import { spoolFolders } from '../../src/spool/folders.ts'
import { checkEntry } from '../helpers/entries.ts'
import { Service, until } from '../helpers/services.ts'
import { databaseEnv, openPool } from '../helpers/stackEnv.ts'
import { publish, type Topic } from '../helpers/topic.ts'
import { TcpProxy } from './tcpProxy.ts'

export const threads = 50
const websites = 300

/** Everything that is to go wrong: both services, their servers, the ways between them, and the spool's disk. */
export interface World {
  readonly kafka: LocalKafka
  readonly postgres: LocalPostgres
  readonly kafkaProxy: TcpProxy
  readonly databaseProxy: TcpProxy
  readonly pool: pg.Pool
  readonly topic: Topic
  readonly services: { producer: Service; consumer: Service }
  /** All that ever ran, for what they logged. */
  readonly everStarted: Service[]
  /** Of the spool; null: this system lets us mount no disk that can be full. */
  readonly disk: string | null
  /** Ids of entries that did not come from the producer. */
  readonly late: Set<string>
  /** Messages that were published and cannot be read. */
  readonly nonsense: Set<string>
  publishLate(daysAgo: number): Promise<void>
  publishNonsense(): Promise<void>
  /** Requests that the website was asked. */
  served(): number
  /** Entries that Kafka has not acknowledged. Only while no producer runs. */
  inSpool(): Promise<number>
  /** Another one, which nobody starts again. */
  start(name: 'producer' | 'consumer'): Service
  restart(name: 'producer' | 'consumer'): void
  stop(): Promise<void>
}

/** @param withoutPartitions those of today and of all days to come are missing at first */
export async function createWorld({ withoutPartitions = false } = {}): Promise<World> {
  const folder = mkdtempSync(path.join(tmpdir(), 'webmon-chaos-'))
  const disk = mountDisk(folder)
  const kafkaProxy = new TcpProxy()
  const databaseProxy = new TcpProxy()
  const [kafkaPort, databasePort] = [await kafkaProxy.listen(), await databaseProxy.listen()]
  const brokerPort = await freePort()
  kafkaProxy.target(brokerPort)
  const [kafka, postgres] = await Promise.all([
    // Whoever asks the broker where it is, is sent to the proxy.
    startKafka({ port: brokerPort, properties: { 'advertised.listeners': `PLAINTEXT://127.0.0.1:${kafkaPort}` } }),
    startPostgres(),
  ])
  databaseProxy.target(postgres.port)

  let served = 0
  const website = http.createServer((_, response) => {
    served++
    response.end('Hello')
  })
  website.listen(0, '127.0.0.1')
  await once(website, 'listening')

  const env = {
    ...databaseEnv(postgres.database),
    WEBMON_DATABASE_PORT: String(databasePort),
    WEBMON_KAFKA_SERVER: '127.0.0.1',
    WEBMON_KAFKA_PORT: String(kafkaPort),
    WEBMON_KAFKA_TOPIC: 'webmon',
    WEBMON_KAFKA_CONSUMER_GROUP: 'webmon',
    WEBMON_PRODUCER_THREADS: String(threads),
    WEBMON_PRODUCER_SPOOL_PATH: path.join(disk ?? folder, 'spool'),
    WEBMON_MONITORING_TIMEOUT: '5',
    WEBMON_LOG_LEVEL: 'DEBUG',
  }
  const everStarted: Service[] = []
  const start = (name: 'producer' | 'consumer') => {
    const service = new Service(name, env)
    everStarted.push(service)
    return service
  }
  const pool = openPool(postgres.database)
  const consumer = start('consumer')
  await consumer.logged(/^started$/)
  await pool.query('DELETE FROM website')
  await pool.query(
    "INSERT INTO website (name, url, regex) SELECT 'website ' || n, $1, 'Hello' FROM generate_series(1, $2) AS n",
    [`http://127.0.0.1:${(website.address() as AddressInfo).port}/`, websites],
  )
  const topic: Topic = {
    // Whoever asks for an offset asks again; what is published has to arrive.
    kafka: new Kafka({ brokers: [kafka.address], logLevel: logLevel.NOTHING, retry: { retries: 0 } }),
    topic: 'webmon',
    group: 'webmon',
  }
  const late = new Set<string>()
  const nonsense = new Set<string>()
  // A producer makes partitions when it starts: they are taken away before the first entry is stored.
  consumer.kill('SIGSTOP')
  const services = { consumer, producer: start('producer') }
  await services.producer.logged(/^started$/)
  if (withoutPartitions) await dropPartitions(pool)
  consumer.kill('SIGCONT')
  return {
    kafka,
    postgres,
    kafkaProxy,
    databaseProxy,
    pool,
    topic,
    late,
    nonsense,
    services,
    everStarted,
    disk,
    async publishLate(daysAgo) {
      const entry = checkEntry({ timestamp: new Date(Date.now() - daysAgo * 86_400_000), intervalSeconds: 1 })
      late.add(entry.id)
      await publishSurely(topic, encode(entry))
    },
    async publishNonsense() {
      const value = `nonsense ${nonsense.size}`
      nonsense.add(value)
      await publishSurely(topic, value)
    },
    served: () => served,
    async inSpool() {
      let entries = 0
      for (const folder of await spoolFolders(env.WEBMON_PRODUCER_SPOOL_PATH)) {
        const { store, contents } = await DiskStore.open(folder, pino({ level: 'error' }))
        await store.close()
        entries += contents.entries
      }
      return entries
    },
    start,
    restart(name) {
      services[name] = start(name)
    },
    async stop() {
      await Promise.all(Object.values(services).map((service) => service.stop().catch(() => service.kill('SIGKILL'))))
      await pool.end()
      kafkaProxy.close()
      databaseProxy.close()
      website.close()
      website.closeAllConnections()
      await Promise.all([kafka.stop(), postgres.stop()])
      if (disk) execFileSync('umount', [disk])
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

async function dropPartitions(pool: pg.Pool): Promise<void> {
  const today = new Date().toISOString().slice(0, 10).replaceAll('-', '')
  const { rows } = await pool.query<{ name: string }>(
    `SELECT inhrelid::regclass::text AS name FROM pg_inherits
      WHERE inhparent = 'check_entry'::regclass AND inhrelid::regclass::text >= $1`,
    [`check_entry_${today}`],
  )
  await pool.query(rows.map(({ name }) => `DROP TABLE ${name};`).join(' '))
}

/** Until it is acknowledged: at least once. */
async function publishSurely(topic: Topic, value: string): Promise<void> {
  await until(
    () =>
      publish(topic, [value]).then(
        () => true,
        () => false,
      ),
    120_000,
    () => `a broker that takes ${value}`,
  )
}

/** A disk of 64 MB of its own, which can be filled without harm. */
function mountDisk(folder: string): string | null {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64m', 'tmpfs', folder], { stdio: 'ignore' })
    return folder
  } catch {
    return null
  }
}
