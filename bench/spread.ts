/**
 * 1,000 websites at interval 5 for 60 s: each has exactly one entry in every slot of its phase, and the busiest 100 ms
 * in the log of the web server has at most 3 times the mean.
 *
 *     npm run bench:spread
 */
import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { phaseOf } from '../src/schedule.ts'
import { until } from '../tests/helpers/services.ts'
import { report, withStack } from './stack.ts'

const count = 1_000
const intervalMs = 5_000
const seconds = 60
const servedAt: number[] = []
const server = http.createServer((_, response) => {
  servedAt.push(Date.now())
  response.end('Hello')
})
server.listen(0, '127.0.0.1')
await once(server, 'listening')
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`

await withStack({ WEBMON_MONITORING_INTERVAL: String(intervalMs / 1000) }, async ({ pool, startProducer }) => {
  await pool.query(
    "INSERT INTO website (name, url, regex) SELECT 'website ' || n, $1, 'Hello' FROM generate_series(1, $2) AS n",
    [url, count],
  )
  const producer = await startProducer()
  // From the first whole interval that begins a second after the start.
  const fromMs = Math.ceil((Date.now() + 1_000) / intervalMs) * intervalMs
  const toMs = fromMs + seconds * 1_000
  for (let left = toMs + intervalMs - Date.now(); left > 0; left = toMs + intervalMs - Date.now()) {
    console.error(`${Math.ceil(left / 1000)} s left, ${servedAt.length} checks served`)
    await sleep(Math.min(left, 10_000))
  }
  await producer.stop()
  await until(
    async () => Number((await pool.query('SELECT count(*) AS n FROM check_entry')).rows[0].n) >= servedAt.length,
  )

  const { rows } = await pool.query<{ website_id: string; timestamp: Date }>(
    'SELECT website_id, "timestamp" FROM check_entry',
  )
  const perSlot = new Map<string, number>()
  for (const { website_id, timestamp } of rows) {
    const slot = Math.floor((timestamp.getTime() - phaseOf(website_id, intervalMs)) / intervalMs)
    const key = `${website_id} ${slot}`
    perSlot.set(key, (perSlot.get(key) ?? 0) + 1)
  }
  const ids = new Set(rows.map(({ website_id }) => website_id))
  let missing = 0
  for (const id of ids) {
    const first = Math.ceil((fromMs - phaseOf(id, intervalMs)) / intervalMs)
    for (let slot = first; slot < first + (seconds * 1_000) / intervalMs; slot++)
      if (!perSlot.has(`${id} ${slot}`)) missing++
  }
  const within = servedAt.filter((atMs) => atMs >= fromMs && atMs < toMs)
  const tenths = new Array<number>(seconds * 10).fill(0)
  for (const atMs of within) {
    const tenth = Math.floor((atMs - fromMs) / 100)
    tenths[tenth] = (tenths[tenth] ?? 0) + 1
  }
  console.log(
    `     ${ids.size} websites, ${within.length} checks in ${seconds} s, ${within.length / tenths.length} per 100 ms`,
  )
  report('websites without an entry', count - ids.size, 0)
  report('slots without an entry', missing, 0)
  report('slots with more than one entry', [...perSlot.values()].filter((n) => n > 1).length, 0)
  report('busiest 100 ms over the mean', Math.max(...tenths) / (within.length / tenths.length), 3, ' times')
})
server.close()
server.closeAllConnections()
