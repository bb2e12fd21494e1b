/**
 * Both processes from end to end: more websites than one producer can check, on local servers, for a minute. What gets
 * through, and the processor time of each part for a check. Everything shares the machine. (Linux: figures from /proc.)
 *
 *     npm run bench:pipeline
 *     npm run bench:pipeline -- --websites 2000 --interval 10 --seconds 60     at a pace that leaves room
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { withStack } from './stack.ts'
import { cpuSeconds, cpuSecondsOfFamily, peakMb } from './store/processor.ts'

const { values } = parseArgs({
  options: {
    websites: { type: 'string', default: '10000' },
    interval: { type: 'string', default: '1' },
    seconds: { type: 'string', default: '60' },
    threads: { type: 'string', default: '50' },
  },
})
const seconds = Number(values.seconds)

const server = spawn(process.execPath, ['--import', 'tsx', 'bench/check/server.ts'], {
  stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
})
const [line] = (await once(createInterface({ input: server.stdout as NodeJS.ReadableStream }), 'line')) as [string]
const { http } = JSON.parse(line) as { http: number }

const env = { WEBMON_MONITORING_INTERVAL: values.interval, WEBMON_PRODUCER_THREADS: values.threads }
await withStack(env, async ({ pool, consumer, kafka, postgres, startProducer }) => {
  await pool.query(
    "INSERT INTO website (name, url, regex) SELECT 'website ' || n, $1, 'needle' FROM generate_series(1, $2) AS n",
    [`http://127.0.0.1:${http}/`, Number(values.websites)],
  )
  const producer = await startProducer()
  const parts = {
    producer: () => cpuSeconds(producer.pid),
    consumer: () => cpuSeconds(consumer.pid),
    PostgreSQL: () => cpuSecondsOfFamily(postgres.process.pid),
    Kafka: () => cpuSeconds(kafka.process.pid),
    'the websites': () => cpuSeconds(server.pid as number),
  }
  const stored = async () =>
    Number((await pool.query<{ n: string }>('SELECT count(*) AS n FROM check_entry')).rows[0]?.n ?? 0)
  await sleep(5_000)
  const before = Object.entries(parts).map(([part, cpu]) => [part, cpu()] as const)
  const [rowsBefore, startMs] = [await stored(), performance.now()]
  for (let left = seconds; left > 0; left -= 10) {
    console.error(`${left} s left`)
    await sleep(Math.min(left, 10) * 1_000)
  }
  const rows = (await stored()) - rowsBefore
  const elapsedSeconds = (performance.now() - startMs) / 1_000
  const perCheck = before.map(([part, cpu]) => {
    const used = parts[part as keyof typeof parts]() - cpu
    return `${part} ${((used * 1e6) / rows).toFixed(0)} us (${((used / elapsedSeconds) * 100).toFixed(0)} %)`
  })
  const memory = [producer, consumer].map(({ pid }) => Math.round(peakMb(pid)))
  console.log(
    `     ${Math.round(rows / elapsedSeconds)} checks/s end to end, ${values.threads} at a time (${rows} rows)`,
  )
  console.log(`     for each: ${perCheck.join(', ')}`)
  console.log(`     memory at most: producer ${memory[0]} MB, consumer ${memory[1]} MB`)
})
server.disconnect()
