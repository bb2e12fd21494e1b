/**
 * What websites cost a producer before any check: reading the list (the server's query and what Node makes of the rows),
 * taking it into the schedule, and the memory of a real producer that has nothing to do but to know them. (Linux: figures
 * from /proc.)
 *
 *     npm run bench:list
 *     npm run bench:list -- --websites 10000,100000
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import type pg from 'pg'
import { table } from '../src/commands/table.ts'
import { readWebsites } from '../src/database/websites.ts'
import { Schedule } from '../src/schedule.ts'
import { shards } from '../src/shard.ts'
import { openPool } from '../tests/helpers/stackEnv.ts'
import { Stalls } from '../tests/helpers/stalls.ts'
import { median, withStack } from './stack.ts'
import { cpuSecondsOfFamily, peakMb, residentMb } from './store/processor.ts'

const { values } = parseArgs({ options: { websites: { type: 'string', default: '10000,100000,500000' } } })
/** None is due while it is measured, but for some. */
const idleSeconds = 86_400
const rereads = 3
const rereadSeconds = 10
const allShards = Array.from({ length: shards }, (_, shard) => shard)

const rows: string[][] = []
for (const count of values.websites.split(',').map(Number)) {
  const env = { WEBMON_MONITORING_INTERVAL: String(rereadSeconds), WEBMON_PRODUCER_THREADS: '50' }
  await withStack(env, async ({ pool, postgres, startProducer }) => {
    await fill(pool, count)
    const reading = await measureReading(openPool(postgres.database), () => cpuSecondsOfFamily(postgres.process.pid))
    const producer = await startProducer()
    await sleep((rereads + 0.5) * rereadSeconds * 1000)
    const [resident, peak] = [residentMb(producer.pid), peakMb(producer.pid)]
    rows.push([String(count), ...reading, String(Math.round(resident)), String(Math.round(peak))])
  })
}
console.log(
  table(
    [
      'websites',
      'read, ms',
      'server, ms',
      'Node, ms',
      'schedule, ms',
      'stall, ms',
      'a 16th, ms',
      'producer, MB',
      'at most, MB',
    ],
    rows,
  ),
)

/** Some have settings of their own. The URLs answer nothing: what is due by chance fails at once. */
async function fill(pool: pg.Pool, count: number): Promise<void> {
  await pool.query(
    `INSERT INTO website (name, url, regex, interval, headers, tags)
     SELECT 'website ' || n, 'http://127.0.0.1:9/customers/' || n || '/index.html', 'Welcome to ' || n, $2::integer,
            CASE WHEN n % 4 = 0 THEN '{"Accept": "text/html"}'::jsonb END, ARRAY['customer']
       FROM generate_series(1, $1::integer) AS n`,
    [count, idleSeconds],
  )
  await pool.query('VACUUM (ANALYZE) website')
}

/** As one of 16 producers reads its share. @returns milliseconds, the middle of five */
async function measureShare(pool: pg.Pool): Promise<number> {
  const share = allShards.slice(0, shards / 16)
  const times: number[] = []
  for (let round = 0; round < 5; round++) {
    const startMs = performance.now()
    await readWebsites(pool, share)
    times.push(performance.now() - startMs)
  }
  return median(times)
}

/** The second of two, as each but the first of a producer's life. */
async function measureReading(pool: pg.Pool, serverSeconds: () => number): Promise<string[]> {
  const schedule = new Schedule(() => undefined)
  schedule.replace(await readWebsites(pool, allShards), idleSeconds)
  const server = serverSeconds()
  const cpu = process.cpuUsage()
  const stalls = new Stalls()
  const startMs = performance.now()
  const websites = await readWebsites(pool, allShards)
  const readMs = performance.now() - startMs
  const node = process.cpuUsage(cpu)
  const serverMs = (serverSeconds() - server) * 1000
  const replaceMs = performance.now()
  schedule.replace(websites, idleSeconds)
  const scheduleMs = performance.now() - replaceMs
  await sleep(50)
  stalls.stop()
  schedule.stop()
  const shareMs = await measureShare(pool)
  await pool.end()
  return [readMs, serverMs, (node.user + node.system) / 1000, scheduleMs, stalls.worstStallMs, shareMs].map((ms) =>
    ms.toFixed(0),
  )
}
