import type pg from 'pg'
import { type LocalKafka, startKafka } from '../local/kafka.ts'
import { type LocalPostgres, startPostgres } from '../local/postgres.ts'
import { Service } from '../tests/helpers/services.ts'
import { databaseEnv, openPool } from '../tests/helpers/stackEnv.ts'

export interface BenchStack {
  readonly pool: pg.Pool
  readonly kafka: LocalKafka
  readonly postgres: LocalPostgres
  readonly consumer: Service
  startProducer(env?: Record<string, string>): Promise<Service>
}

/** Starts a real Kafka, a real PostgreSQL and the consumer, with no websites; ends all of it after the work. */
export async function withStack(
  env: Record<string, string>,
  work: (stack: BenchStack) => Promise<void>,
): Promise<void> {
  const [kafka, postgres] = await Promise.all([startKafka(), startPostgres()])
  const pool = openPool(postgres.database)
  const services: Service[] = []
  const start = async (name: 'producer' | 'consumer', more: Record<string, string> = {}) => {
    const service = new Service(name, {
      ...databaseEnv(postgres.database),
      WEBMON_KAFKA_SERVER: kafka.host,
      WEBMON_KAFKA_PORT: String(kafka.port),
      WEBMON_KAFKA_TOPIC: 'webmon',
      WEBMON_KAFKA_CONSUMER_GROUP: 'webmon',
      WEBMON_LOG_LEVEL: 'INFO',
      ...env,
      ...more,
    })
    services.unshift(service)
    await service.logged(/^started$/)
    return service
  }
  try {
    const consumer = await start('consumer')
    await pool.query('DELETE FROM website')
    await work({ pool, kafka, postgres, consumer, startProducer: (more) => start('producer', more) })
  } finally {
    for (const service of services) await service.stop().catch((error: unknown) => console.error(String(error)))
    await pool.end()
    await Promise.all([kafka.stop(), postgres.stop()])
  }
}

/** Prints a figure beside its bar. A figure that misses it makes the exit code 1. */
export function report(name: string, figure: number, bar: number, unit = ''): void {
  const good = figure <= bar
  if (!good) process.exitCode = 1
  console.log(`${good ? 'ok  ' : 'MISS'} ${name}: ${Number(figure.toFixed(2))}${unit} (at most ${bar}${unit})`)
}

/** The same, for a figure that has to reach its bar. */
export function reportAtLeast(name: string, figure: number, bar: number, unit = ''): void {
  const good = figure >= bar
  if (!good) process.exitCode = 1
  console.log(`${good ? 'ok  ' : 'MISS'} ${name}: ${Number(figure.toFixed(2))}${unit} (at least ${bar}${unit})`)
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
}
