/**
 * The real producer, paced: 2,000 websites every 10 s against a server that takes 50 ms. The recorded response times
 * beside the server's own, and how even the checks come. (Linux: taskset; the producer has a core of its own.)
 *
 *     npm run bench:paced
 *     npm run bench:paced -- --websites 10000 --seconds 30     also for the producer's memory
 */
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { report, withStack } from './stack.ts'

const { values } = parseArgs({
  options: {
    websites: { type: 'string', default: '2000' },
    interval: { type: 'string', default: '10' },
    seconds: { type: 'string', default: '60' },
  },
})
const count = Number(values.websites)
const seconds = Number(values.seconds)

execFileSync('taskset', ['-acp', '1', String(process.pid)])
const server = spawn(process.execPath, ['--import', 'tsx', 'bench/check/slowServer.ts', '50'], {
  stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
})
const [port] = (await once(createInterface({ input: server.stdout as NodeJS.ReadableStream }), 'line')) as [string]

await withStack({ WEBMON_MONITORING_INTERVAL: values.interval }, async ({ pool, startProducer }) => {
  await pool.query(
    "INSERT INTO website (name, url, regex) SELECT 'website ' || n, $1, 'Hello' FROM generate_series(1, $2) AS n",
    [`http://127.0.0.1:${port}/`, count],
  )
  const producer = await startProducer()
  execFileSync('taskset', ['-acp', '0', String(producer.pid)])
  await sleep(Number(values.interval) * 1_000)
  server.send('start')
  const from = new Date()
  for (let left = seconds; left > 0; left -= 10) {
    console.error(`${left} s left`)
    await sleep(Math.min(left, 10) * 1_000)
  }
  const to = new Date()
  server.send('report')
  const [own] = (await once(server, 'message')) as [{ p50: number; p99: number; busiest: number; served: number }]
  const residentMb =
    Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${producer.pid}/status`, 'utf8'))?.[1]) / 1000
  await producer.stop()
  await sleep(1_000)
  const { rows } = await pool.query<{ p50: number; p99: number; n: string; bad: string }>(
    `SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY response_time) AS p50,
            percentile_disc(0.99) WITHIN GROUP (ORDER BY response_time) AS p99,
            count(*) AS n, count(*) FILTER (WHERE NOT available) AS bad
       FROM check_entry WHERE "timestamp" BETWEEN $1 AND $2`,
    [from, to],
  )
  const recorded = rows[0] as (typeof rows)[number]
  console.log(`     ${recorded.n} entries of ${count} websites in ${seconds} s, the server served ${own.served}`)
  console.log(
    `     recorded p50 ${recorded.p50}, p99 ${recorded.p99} ms; the server's own ${own.p50.toFixed(1)}, ${own.p99.toFixed(1)} ms`,
  )
  report('entries that are not available', Number(recorded.bad), 0)
  report("p50 above the server's", recorded.p50 - own.p50, 1, ' ms')
  report("p99 above the server's", recorded.p99 - own.p99, 4, ' ms')
  report('busiest 100 ms over the mean', own.busiest, 1.3, ' times')
  report('memory of the producer', residentMb, 200, ' MB')
})
server.disconnect()
