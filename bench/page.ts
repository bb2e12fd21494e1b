/**
 * The page on 90 days of 10,000 websites, served by a real consumer: how long a visitor waits, with Chromium from a key to
 * what it shows, and what 20 visitors cost the draining of the topic. Filling the database takes some minutes.
 *
 *     npm run bench:page
 *     npm run bench:page -- --websites 1000 --days 30 --entries 200000
 */
import { setMaxListeners } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { Kafka, logLevel } from 'kafkajs'
import { startKafka } from '../local/kafka.ts'
import { freePort } from '../local/ports.ts'
import { startPostgres } from '../local/postgres.ts'
import { readDays, readHours, readWebsitesNow } from '../src/database/overview.ts'
import { encode } from '../src/message.ts'
import { findChromium, startChromium } from '../tests/helpers/browser.ts'
import { Service } from '../tests/helpers/services.ts'
import { databaseEnv, openPool } from '../tests/helpers/stackEnv.ts'
import { fill } from './queries/fill.ts'
import { median, report } from './stack.ts'
import { realisticEntry } from './store/rows.ts'

const { values } = parseArgs({
  options: {
    entries: { type: 'string', default: '2000000' },
    websites: { type: 'string', default: '10000' },
    days: { type: 'string', default: '90' },
    messages: { type: 'string', default: '300000' },
    rounds: { type: 'string', default: '5' },
    visitors: { type: 'string', default: '20' },
  },
})
const amounts = { entries: Number(values.entries), websites: Number(values.websites), days: Number(values.days) }
const messages = Number(values.messages)

/** Runs in the browser. */
const fromKeyToPaint = `new Promise((resolve) => {
  let at = 0
  addEventListener('input', () => { at = performance.now() }, { capture: true, once: true })
  const observer = new MutationObserver((changes) => {
    if (!changes.some(({ addedNodes }) => [...addedNodes].some(({ id }) => id === 'list'))) return
    if (at === 0) return
    observer.disconnect()
    requestAnimationFrame(() => setTimeout(() => resolve(performance.now() - at)))
  })
  observer.observe(document.querySelector('main'), { childList: true })
})`

const postgres = await startPostgres({ unsafe: true, settings: { shared_buffers: '1GB', max_wal_size: '8GB' } })
const pool = openPool(postgres.database)
await fill(pool, amounts, console.error)
await pool.query('VACUUM (ANALYZE)')
const { rows } = await pool.query<{ id: string }>('SELECT website_id AS id FROM website ORDER BY name')
const ids = rows.map(({ id }) => id)

const kafka = await startKafka()
const port = await freePort()
const topic = 'webmon'
const client = new Kafka({ brokers: [`${kafka.host}:${kafka.port}`], clientId: 'bench', logLevel: logLevel.NOTHING })
const consumer = new Service('consumer', {
  ...databaseEnv(postgres.database),
  WEBMON_KAFKA_SERVER: kafka.host,
  WEBMON_KAFKA_PORT: String(kafka.port),
  WEBMON_KAFKA_TOPIC: topic,
  WEBMON_KAFKA_CONSUMER_GROUP: 'webmon',
  WEBMON_CONSUMER_HTTP_PORT: String(port),
  WEBMON_LOG_LEVEL: 'INFO',
})
const url = `http://127.0.0.1:${port}`
try {
  await consumer.logged(/^started$/, 120_000)
  await waits()
  await keys()
  await drains()
} catch (error) {
  console.error(error, consumer.said())
  process.exitCode = 1
} finally {
  await consumer.stop()
  await pool.end()
  await Promise.all([kafka.stop(), postgres.stop()])
}

async function get(path: string): Promise<{ ms: number; bytes: number }> {
  const startMs = performance.now()
  const response = await fetch(url + path)
  const bytes = (await response.arrayBuffer()).byteLength
  if (!response.ok) throw new Error(`${path}: ${response.status}`)
  return { ms: performance.now() - startMs, bytes }
}

/** Far enough apart that what is kept has grown old. */
async function waits(): Promise<void> {
  console.log(`     the first overview after the start: ${(await get('/')).ms.toFixed(0)} ms`)
  const each = async (path: (n: number) => string) => {
    const figures: { ms: number; bytes: number }[] = []
    for (let n = 0; n < 11; n++) {
      await sleep(4_000)
      figures.push(await get(path(n)))
    }
    return {
      ms: median(figures.map(({ ms }) => ms)),
      most: Math.max(...figures.map(({ ms }) => ms)),
      bytes: figures[0]?.bytes,
    }
  }
  const overview = await each(() => '/')
  console.log(`     the overview has ${overview.bytes} bytes, the slowest of 11 took ${overview.most.toFixed(0)} ms`)
  report('overview, nothing kept', overview.ms, 300, ' ms')
  for (const [name, read] of Object.entries({ readWebsitesNow, readHours, readDays })) {
    const startMs = performance.now()
    await read(pool, new AbortController().signal)
    console.log(`     ${name}: ${(performance.now() - startMs).toFixed(0)} ms, shared by all visitors`)
  }
  const times: number[] = []
  for (let n = 0; n < 21; n++) {
    await get('/')
    times.push((await get(`/api/websites/${ids[n * 41]}/response-times?range=90d`)).ms)
  }
  report('90 days of a website, as JSON', median(times), 100, ' ms')
  const pages: number[] = []
  for (let n = 0; n < 21; n++) {
    await get('/')
    pages.push((await get(`/websites/${ids[n * 43]}?range=90d`)).ms)
  }
  report('the page of a website with 90 days', median(pages), 100, ' ms')
}

/** From the key until what it found is painted. */
async function keys(): Promise<void> {
  const executable = findChromium()
  if (!executable) return console.log('     no chromium on the path: no key was pressed')
  const browser = await startChromium(executable)
  const tab = await browser.newPage()
  await tab.goto(url)
  const times: number[] = []
  const input = tab.getByLabel('Filter')
  for (const text of ['7', '77', '777', '77', '7', '', 'website 9', 'website 99', 'exam']) {
    const painted = tab.evaluate<number>(fromKeyToPaint)
    await sleep(100)
    await input.fill(text)
    times.push(await painted)
  }
  await browser.close()
  console.log(`     from a key to paint: ${times.map((ms) => ms.toFixed(0)).join(', ')} ms`)
  report('from a key to paint', median(times), 100, ' ms')
}

async function drains(): Promise<void> {
  const producer = client.producer()
  await producer.connect()
  const without: number[] = []
  const withThem: number[] = []
  // In pairs, the first of each pair in turn: the tables grow.
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const visited of round % 2 === 0 ? [false, true] : [true, false]) {
      consumer.kill('SIGSTOP')
      await publish(producer, round * 2 + Number(visited))
      const stop = new AbortController()
      setMaxListeners(100, stop.signal)
      const visits = visited ? visit(stop.signal) : undefined
      consumer.kill('SIGCONT')
      const startMs = performance.now()
      await drained()
      const rate = (messages / (performance.now() - startMs)) * 1000
      stop.abort()
      const count = await visits
      ;(visited ? withThem : without).push(rate)
      console.log(
        `     ${Math.round(rate)} messages/s ${visited ? `with visitors, who loaded ${count} pages` : 'alone'}`,
      )
    }
  }
  await producer.disconnect()
  const slower = 1 - median(withThem.map((rate, n) => rate / (without[n] as number)))
  report(`slower because of ${values.visitors} visitors`, slower * 100, 5, ' %')
}

async function publish(producer: ReturnType<Kafka['producer']>, run: number): Promise<void> {
  const batch = 5_000
  for (let sent = 0; sent < messages; sent += batch) {
    const list = Array.from({ length: batch }, (_, n) => {
      const id = ids[((sent + n) * 7919) % ids.length] as string
      const entry = realisticEntry(id, new Date(Date.now() - (messages - sent - n) / 10), run * messages + sent + n)
      return { key: id, value: encode(entry) }
    })
    await producer.send({ topic, messages: list })
  }
}

async function drained(): Promise<void> {
  const admin = client.admin()
  await admin.connect()
  for (;;) {
    const [ends, [group]] = await Promise.all([
      admin.fetchTopicOffsets(topic),
      admin.fetchOffsets({ groupId: 'webmon', topics: [topic] }),
    ])
    const of = (partition: number) => Number(group?.partitions.find((one) => one.partition === partition)?.offset ?? -1)
    if (ends.every(({ partition, high }) => of(partition) >= Number(high))) break
    await sleep(50)
  }
  await admin.disconnect()
}

/** Each of them loads the overview or a website, as the page does it every 5 s. @returns how many pages they loaded */
async function visit(signal: AbortSignal): Promise<number> {
  let pages = 0
  const visitor = async (n: number) => {
    while (!signal.aborted) {
      await get(n % 4 === 0 ? `/websites/${ids[n]}` : '/').catch(() => undefined)
      pages++
      await sleep(5_000 * (0.5 + Math.random()), undefined, { signal }).catch(() => undefined)
    }
  }
  await Promise.all(Array.from({ length: Number(values.visitors) }, (_, n) => visitor(n)))
  return pages
}
