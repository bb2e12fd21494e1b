/**
 * How fast the consumer drains a preloaded topic, side by side with psql's \copy of the same rows into tables of the
 * same shape, on one server; then how long an entry takes at a steady rate from the end of its check to its committed
 * row. The server waits for its disk as any does. (Linux: figures from /proc.)
 *
 *     npm run bench:store
 *     npm run bench:store -- --rows 1000000 --rounds 5 --seconds 60
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { Kafka, logLevel, Partitioners } from 'kafkajs'
import { type DatabaseAddress, withClient } from '../local/databaseAddress.ts'
import { startKafka } from '../local/kafka.ts'
import { startPostgres } from '../local/postgres.ts'
import { migrate } from '../src/database/migrations.ts'
import { encode } from '../src/message.ts'
import { Service } from '../tests/helpers/services.ts'
import { databaseEnv, openPool } from '../tests/helpers/stackEnv.ts'
import { median, report, reportAtLeast } from './stack.ts'
import { cpuSeconds, cpuSecondsOfFamily, peakMb } from './store/processor.ts'
import { CsvFile, csvColumns, realisticEntry, websiteIds } from './store/rows.ts'

const { values } = parseArgs({
  options: {
    rows: { type: 'string', default: '600000' },
    rounds: { type: 'string', default: '3' },
    websites: { type: 'string', default: '10000' },
    seconds: { type: 'string', default: '30' },
    rate: { type: 'string', default: '1000' },
  },
})
const count = Number(values.rows)
const rounds = Number(values.rounds)
const seconds = Number(values.seconds)
const rate = Number(values.rate)
const websites = websiteIds(Number(values.websites))
const partitions = 6
const quiet = { info: () => undefined, warn: console.error, debug: () => undefined }

/** As a server of this size would be set; the same for both, and commit times for the second part. */
const settings = { shared_buffers: '1GB', max_wal_size: '4GB', track_commit_timestamp: 'on' }
const [kafkaServer, postgres] = await Promise.all([startKafka(), startPostgres({ settings })])
const folder = mkdtempSync(path.join(tmpdir(), 'webmon-bench-store-'))
const csv = path.join(folder, 'rows.csv')
const kafka = new Kafka({ brokers: [kafkaServer.address], logLevel: logLevel.ERROR })
const admin = kafka.admin()
const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner })

try {
  await Promise.all([admin.connect(), producer.connect()])
  await drain()
  await steady()
} finally {
  await Promise.allSettled([admin.disconnect(), producer.disconnect()])
  await Promise.all([kafkaServer.stop(), postgres.stop()])
  rmSync(folder, { recursive: true, force: true })
}

/** An empty database with webmon's tables and the websites. */
async function prepare(name: string): Promise<DatabaseAddress> {
  const database = await postgres.createDatabase(name)
  const pool = openPool(database)
  await migrate(pool, { logger: quiet })
  await pool.query('DELETE FROM website')
  await pool.query(
    "INSERT INTO website (website_id, name, url) SELECT id, 'website', 'https://example.com/' FROM unnest($1::uuid[]) AS id",
    [websites],
  )
  await pool.query('ANALYZE website')
  await pool.end()
  await withClient(postgres.admin, (client) => client.query('CHECKPOINT'))
  return database
}

/**
 * Frees the memory that its files are cached in. Else the next round takes memory that a virtual machine may not have
 * used before, and its first use is slow: the consumer took up to 1 us a row more.
 */
async function drop(name: string): Promise<void> {
  await withClient(postgres.admin, (client) => client.query(`DROP DATABASE ${name} WITH (FORCE)`))
}

function startConsumer(database: DatabaseAddress, topic: string, group: string): Service {
  return new Service('consumer', {
    ...databaseEnv(database),
    WEBMON_KAFKA_SERVER: kafkaServer.host,
    WEBMON_KAFKA_PORT: String(kafkaServer.port),
    WEBMON_KAFKA_TOPIC: topic,
    WEBMON_KAFKA_CONSUMER_GROUP: group,
    WEBMON_LOG_LEVEL: 'WARNING',
  })
}

async function makeTopic(topic: string): Promise<void> {
  await admin.createTopics({ waitForLeaders: true, topics: [{ topic, numPartitions: partitions }] })
}

/** Messages and the lines for \copy, in one order: as the checks of 20 minutes would come. */
async function preload(topic: string): Promise<void> {
  await makeTopic(topic)
  const file = new CsvFile(csv)
  const startMs = Date.now() - 20 * 60_000
  const size = 5_000
  for (let from = 0; from < count; from += size) {
    const entries = Array.from({ length: Math.min(size, count - from) }, (_, i) => {
      const n = from + i
      return realisticEntry(
        websites[(n * 7919) % websites.length] as string,
        new Date(startMs + (n / count) * 1_200_000),
        n,
      )
    })
    file.write(entries)
    await producer.send({ topic, messages: entries.map((entry) => ({ key: entry.websiteId, value: encode(entry) })) })
  }
  file.close()
}

async function drain(): Promise<void> {
  console.error(`preloading ${count} messages of ${websites.length} websites`)
  await preload('drain')
  const copies: number[] = []
  const drains: number[] = []
  const ofNode: number[] = []
  const memory: number[] = []
  for (let round = 1; round <= rounds; round++) {
    const copy = await copyOnce(round)
    const consumed = await drainOnce(round)
    copies.push(copy.rate)
    drains.push(consumed.rate)
    ofNode.push(consumed.node)
    memory.push(consumed.mb)
    console.log(
      `     round ${round}: \\copy ${thousands(copy.rate)} rows/s (server ${copy.server.toFixed(1)} us a row), consumer ` +
        `${thousands(consumed.rate)} rows/s (server ${consumed.server.toFixed(1)}, Node ${consumed.node.toFixed(1)} us a row), ` +
        `${(consumed.rate / copy.rate).toFixed(2)}`,
    )
  }
  console.log(`     \\copy ${thousands(median(copies))} rows/s, consumer ${thousands(median(drains))} rows/s`)
  reportAtLeast('drain over \\copy', median(drains.map((drained, n) => drained / (copies[n] as number))), 0.45)
  report('processor of the consumer', median(ofNode), 6, ' us a row')
  report('memory of the consumer at most', Math.max(...memory), 250, ' MB')
}

async function copyOnce(round: number): Promise<{ rate: number; server: number }> {
  const { url } = await prepare(`copy_${round}`)
  const cpu = cpuSecondsOfFamily(postgres.process.pid)
  const startMs = performance.now()
  execFileSync('psql', [url, '-qc', `\\copy check_entry (${csvColumns}) FROM '${csv}' WITH (FORMAT csv)`])
  const ms = performance.now() - startMs
  await sleep(200)
  const server = perRow(cpuSecondsOfFamily(postgres.process.pid) - cpu)
  await drop(`copy_${round}`)
  return { rate: (count / ms) * 1000, server }
}

async function drainOnce(round: number): Promise<{ rate: number; server: number; node: number; mb: number }> {
  const database = await prepare(`drain_${round}`)
  const group = `drain_${round}`
  const pool = openPool(database)
  const consumer = startConsumer(database, 'drain', group)
  const begun = async () => (await pool.query('SELECT FROM check_entry LIMIT 1')).rowCount === 1
  while (!(await begun())) await sleep(5)
  const startMs = performance.now()
  const [cpu, server] = [cpuSeconds(consumer.pid), cpuSecondsOfFamily(postgres.process.pid)]
  while ((await lag('drain', group)) > 0) await sleep(50)
  const ms = performance.now() - startMs
  const figures = {
    rate: (count / ms) * 1000,
    server: perRow(cpuSecondsOfFamily(postgres.process.pid) - server),
    node: perRow(cpuSeconds(consumer.pid) - cpu),
    mb: peakMb(consumer.pid),
  }
  const { rows } = await pool.query(
    'SELECT (SELECT count(*) FROM check_entry)::integer AS entries, (SELECT sum(checks) FROM check_hour)::integer AS counted',
  )
  await pool.end()
  await consumer.stop()
  if (rows[0].entries !== count || rows[0].counted !== count) {
    throw new Error(`stored ${rows[0].entries} and counted ${rows[0].counted} of ${count}:\n${consumer.said()}`)
  }
  await drop(`drain_${round}`)
  return figures
}

/** Messages that are not committed. */
async function lag(topic: string, groupId: string): Promise<number> {
  const [ends, [group]] = await Promise.all([
    admin.fetchTopicOffsets(topic),
    admin.fetchOffsets({ groupId, topics: [topic] }),
  ])
  return ends.reduce((sum, { partition, high }) => {
    const offset = Number(group?.partitions.find((one) => one.partition === partition)?.offset ?? -1)
    return sum + Number(high) - Math.max(offset, 0)
  }, 0)
}

async function steady(): Promise<void> {
  console.error(`${rate} entries a second for ${seconds} s`)
  const database = await prepare('steady')
  await makeTopic('steady')
  const consumer = startConsumer(database, 'steady', 'steady')
  const pool = openPool(database)
  // The group is there and the code is warm.
  await publishSteadily(5)
  while ((await lag('steady', 'steady')) > 0) await sleep(50)
  await pool.query('TRUNCATE check_entry')
  const cpu = cpuSeconds(consumer.pid)
  const server = cpuSecondsOfFamily(postgres.process.pid)
  const sent = await publishSteadily(seconds)
  while ((await lag('steady', 'steady')) > 0) await sleep(50)
  const { rows } = await pool.query<{ p50: number; p99: number; most: number; entries: number }>(
    `SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY ms) AS p50, percentile_cont(0.99) WITHIN GROUP (ORDER BY ms) AS p99,
            max(ms) AS most, count(*)::integer AS entries
       FROM (SELECT extract(epoch FROM pg_xact_commit_timestamp(xmin) - uuid_extract_timestamp(check_entry_id))::float8
                      * 1000 AS ms
               FROM check_entry) AS entry`,
  )
  const { p50, p99, most, entries } = rows[0] as (typeof rows)[number]
  console.log(
    `     ${entries} of ${sent} entries, the slowest ${most.toFixed(0)} ms; Node ${perRow(cpuSeconds(consumer.pid) - cpu, sent).toFixed(0)}, ` +
      `server ${perRow(cpuSecondsOfFamily(postgres.process.pid) - server, sent).toFixed(0)} us an entry`,
  )
  report('from the end of a check to its row, p50', p50, 50, ' ms')
  report('from the end of a check to its row, p99', p99, 250, ' ms')
  await pool.end()
  await consumer.stop()
  if (entries !== sent) throw new Error(`stored ${entries} of ${sent}:\n${consumer.said()}`)
}

/** As the producer publishes: what has ended in 20 ms goes together. @returns how many */
async function publishSteadily(forSeconds: number): Promise<number> {
  const startMs = performance.now()
  const sending: Promise<unknown>[] = []
  let sent = 0
  for (let elapsedMs = 0; elapsedMs < forSeconds * 1000; elapsedMs = performance.now() - startMs) {
    await sleep(20)
    const due = Math.min(Math.floor(((performance.now() - startMs) / 1000) * rate), forSeconds * rate)
    const messages = Array.from({ length: due - sent }, (_, i) => {
      const n = sent + i
      // It ended when it was due, somewhere in the 20 ms: that is the time inside its id.
      const endedAtMs = performance.timeOrigin + startMs + (n / rate) * 1000
      const entry = realisticEntry(websites[(n * 7919) % websites.length] as string, new Date(endedAtMs), n)
      const timestamp = new Date(endedAtMs - entry.responseTimeMs)
      const ended = realisticEntry(entry.websiteId, timestamp, n)
      return { key: ended.websiteId, value: encode(ended) }
    })
    sent = due
    if (messages.length > 0) sending.push(producer.send({ topic: 'steady', messages, acks: -1 }))
  }
  await Promise.all(sending)
  return sent
}

function perRow(cpu: number, rows = count): number {
  return (cpu * 1e6) / rows
}

function thousands(rowsPerSecond: number): string {
  return `${Math.round(rowsPerSecond / 1000)}k`
}
