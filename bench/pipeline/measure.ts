import { setTimeout as sleep } from 'node:timers/promises'
import { freePort } from '../../local/ports.ts'
import { type BenchStack, withStack } from '../stack.ts'
import { cpuSeconds, cpuSecondsOfFamily, peakMb } from '../store/processor.ts'
import { sharesHeld } from './shares.ts'

export interface Load {
  readonly websites: number
  readonly intervalSeconds: number
  /** Checks at a time of each producer. */
  readonly threads: number
  readonly seconds: number
  readonly url: string
  /** Of the process that plays the websites. */
  readonly websitesPid: number
}

export interface Measured {
  /** Of each producer; undefined: they share nothing. */
  readonly shares: readonly number[] | undefined
  readonly checksPerSecond: number
  /** Cores in use in the mean, by process; the producers one by one. */
  readonly cores: ReadonlyMap<string, number>
  /** At most, of any producer and of the consumer. */
  readonly producerMb: number
  readonly consumerMb: number
}

const warmUpMs = 5_000

/** Runs both services with so many producers, on a Kafka and a PostgreSQL of their own, and measures what gets through. */
export async function measure(producerCount: number, load: Load): Promise<Measured> {
  let measured: Measured | undefined
  const env = {
    WEBMON_MONITORING_INTERVAL: String(load.intervalSeconds),
    WEBMON_PRODUCER_THREADS: String(load.threads),
  }
  await withStack(env, async (stack) => {
    measured = await measureOn(stack, producerCount, load)
  })
  return measured as Measured
}

async function measureOn(stack: BenchStack, producerCount: number, load: Load): Promise<Measured> {
  const { pool, consumer, kafka, postgres, startProducer } = stack
  await pool.query(
    "INSERT INTO website (name, url, regex) SELECT 'website ' || n, $1, 'needle' FROM generate_series(1, $2) AS n",
    [load.url, load.websites],
  )
  const ports = await Promise.all(Array.from({ length: producerCount }, () => freePort()))
  const producers = await Promise.all(ports.map((port) => startProducer({ WEBMON_PRODUCER_HTTP_PORT: String(port) })))
  const shares = await sharesHeld(ports)
  const parts = new Map<string, () => number>([
    ...producers.map(({ pid }, n) => [`producer ${n + 1}`, () => cpuSeconds(pid)] as const),
    ['consumer', () => cpuSeconds(consumer.pid)],
    ['PostgreSQL', () => cpuSecondsOfFamily(postgres.process.pid)],
    ['Kafka', () => cpuSeconds(kafka.process.pid)],
    ['the websites', () => cpuSeconds(load.websitesPid)],
  ])
  const stored = async () =>
    (await pool.query<{ n: number }>('SELECT count(*)::float8 AS n FROM check_entry')).rows[0]?.n ?? 0
  await sleep(warmUpMs)
  const before = new Map([...parts].map(([part, cpu]) => [part, cpu()]))
  const [rowsBefore, startMs] = [await stored(), performance.now()]
  for (let left = load.seconds; left > 0; left -= 10) {
    console.error(`${producerCount} producers: ${left} s left`)
    await sleep(Math.min(left, 10) * 1_000)
  }
  const rows = (await stored()) - rowsBefore
  const seconds = (performance.now() - startMs) / 1_000
  return {
    shares,
    checksPerSecond: rows / seconds,
    cores: new Map([...parts].map(([part, cpu]) => [part, (cpu() - (before.get(part) as number)) / seconds])),
    producerMb: Math.max(...producers.map(({ pid }) => peakMb(pid))),
    consumerMb: peakMb(consumer.pid),
  }
}
