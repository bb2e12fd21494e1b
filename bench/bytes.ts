/**
 * What a check takes of network and disk: bytes of an HTTPS check besides the page, of its message as the topic holds it,
 * and of PostgreSQL's write-ahead log for its row. At a steady rate, as live checks come, after a checkpoint; a second
 * reading when a later checkpoint has made whole pages go to the log once more.
 *
 *     npm run bench:bytes
 *     npm run bench:bytes -- --rate 5000 --websites 100000 --seconds 30
 */
import { readdirSync, statSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { Kafka, logLevel, Partitioners } from 'kafkajs'
import type pg from 'pg'
import { withClient } from '../local/databaseAddress.ts'
import { encode } from '../src/message.ts'
import { httpsCheckBytes } from './bytes/httpsCheck.ts'
import { withStack } from './stack.ts'
import { realisticEntry, websiteIds } from './store/rows.ts'

const { values } = parseArgs({
  options: {
    websites: { type: 'string', default: '10000' },
    rate: { type: 'string', default: '1000' },
    seconds: { type: 'string', default: '60' },
  },
})
const [rate, seconds] = [Number(values.rate), Number(values.seconds)]
const websites = websiteIds(Number(values.websites))
/** As the producer's batches: what has ended in 20 ms. */
const batchMs = 20

const { sent, received } = await httpsCheckBytes()
console.log(
  `an HTTPS check besides the page: ${sent} bytes sent, ${received} received, without the headers of TCP and IP`,
)

await withStack({}, async ({ pool, kafka, postgres }) => {
  await pool.query(
    "INSERT INTO website (website_id, name, url) SELECT id, 'website', 'https://example.com/' FROM unnest($1::uuid[]) AS id",
    [websites],
  )
  const producer = new Kafka({ brokers: [kafka.address], logLevel: logLevel.ERROR }).producer({
    createPartitioner: Partitioners.DefaultPartitioner,
  })
  await producer.connect()
  let messages = 0
  let messageBytes = 0

  const publish = async () => {
    const startMs = performance.now()
    const until = messages + rate * seconds
    while (messages < until) {
      await sleep(batchMs)
      const due = Math.floor(((performance.now() - startMs) / 1000) * rate) + until - rate * seconds
      const batch = Array.from({ length: Math.max(Math.min(due, until) - messages, 0) }, (_, i) => {
        const n = messages + i
        const entry = realisticEntry(websites[n % websites.length] as string, new Date(), n)
        return { key: entry.websiteId, value: encode(entry) }
      })
      if (batch.length === 0) continue
      messages += batch.length
      messageBytes += batch.reduce((sum, { value }) => sum + Buffer.byteLength(value), 0)
      await producer.send({ topic: 'webmon', messages: batch, acks: -1 })
    }
    while ((await countRows(pool)) < messages) await sleep(100)
  }

  for (const reading of ['first', 'second']) {
    await withClient(postgres.admin, (client) => client.query('CHECKPOINT'))
    const [logBefore, rowsBefore] = [await logPosition(pool), messages]
    await publish()
    const log = ((await logPosition(pool)) - logBefore) / (messages - rowsBefore)
    console.log(
      `${reading} ${seconds} s at ${rate} a second, ${websites.length} websites: ${Math.round(log)} bytes of write-ahead log a row`,
    )
  }
  await producer.disconnect()
  const onDisk = topicBytes(kafka.dataFolder, 'webmon') / messages
  console.log(
    `a message: ${Math.round(messageBytes / messages)} bytes, ${Math.round(onDisk)} in the topic, per replica`,
  )
})

async function countRows(pool: pg.Pool): Promise<number> {
  return (await pool.query<{ n: number }>('SELECT count(*)::float8 AS n FROM check_entry')).rows[0]?.n ?? 0
}

async function logPosition(pool: pg.Pool): Promise<number> {
  const { rows } = await pool.query<{ at: number }>("SELECT (pg_current_wal_insert_lsn() - '0/0')::float8 AS at")
  return rows[0]?.at ?? 0
}

/** Of the log segments of all its partitions. */
function topicBytes(dataFolder: string, topic: string): number {
  const files = readdirSync(dataFolder, { recursive: true, encoding: 'utf8' })
  const ofTopic = new RegExp(`(^|/)${topic}-\\d+/\\d+\\.log$`)
  return files
    .filter((file) => ofTopic.test(file))
    .reduce((sum, file) => sum + statSync(path.join(dataFolder, file)).size, 0)
}
