import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import http from 'node:http'
import https from 'node:https'
import type { AddressInfo, Server } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { Kafka, logLevel } from 'kafkajs'
import { Authority } from '../../local/certificates.ts'
import { startKafka } from '../../local/kafka.ts'
import { startPostgres } from '../../local/postgres.ts'
import type { CheckEntry } from '../../src/checkEntry.ts'
import { migrate } from '../../src/database/migrations.ts'
import { decode } from '../../src/message.ts'
import { kinds } from '../helpers/kinds.ts'
import { Service, until } from '../helpers/services.ts'
import { databaseEnv, openPool } from '../helpers/stackEnv.ts'
import { silent } from '../helpers/storing.ts'
import { startWebsites } from '../helpers/websites.ts'

/** A message as it was in the topic. */
export interface RecordedMessage {
  /** The name of the website. */
  readonly kind: string
  readonly timestampMs: number
  readonly key: string | null
  readonly headers: Record<string, string>
  readonly value: string
  /** What it stands for. */
  readonly entry: CheckEntry
}

const topic = 'webmon'
const recheckKind = 'checked again'

/** Lets the compiled producer check a website of each kind, on a Kafka and a PostgreSQL of its own. */
export async function recordMessages(): Promise<RecordedMessage[]> {
  const folder = mkdtempSync(path.join(tmpdir(), 'webmon-record-'))
  const [kafka, postgres, websites, authority] = await Promise.all([
    startKafka(),
    startPostgres({ unsafe: true }),
    startWebsites(),
    Authority.create('webmon test authority'),
  ])
  const trusted = await securely(authority)
  const untrusted = await securely(await Authority.create('somebody else'))
  // Once well, and then never again.
  let asked = 0
  const failing = http.createServer((_, response) => {
    response.statusCode = asked++ === 0 ? 200 : 503
    response.end()
  })
  const failingUrl = await listen(failing, 'http')
  const pool = openPool(postgres.database)
  await migrate(pool, { logger: silent })
  await pool.query('DELETE FROM website')
  const add = (name: string, url: string, more: Record<string, unknown> = {}) => {
    const row = { name, url, regex: '', interval: 10, ...more }
    const columns = Object.keys(row)
    return pool.query(
      `INSERT INTO website (${columns.join(', ')}) VALUES (${columns.map((_, n) => `$${n + 1}`).join(', ')})`,
      Object.values(row),
    )
  }
  for (const { name, path, regex } of kinds) await add(name, websites.urlOf(path), { regex, interval: null })
  await add('by TLS', trusted.url)
  await add('by TLS that is not trusted', untrusted.url)
  await add('with an interval of its own', websites.urlOf('/hello'), { interval: 7 })
  await add('expected to be missing', websites.urlOf('/status/404'), { expected_status: '404' })
  await add('redirected twice', websites.urlOf('/hops/2'))
  await add('with every kind of character', websites.urlOf('/hello'), { regex: 'café 😀 \u2028\u0085\\d"\'{}: #' })
  await add('reset', websites.urlOf('/reset'))
  await add('closed', websites.urlOf('/closed'))
  await add('no HTTP', websites.urlOf('/garbage'))
  await add('badly compressed', websites.urlOf('/bad-gzip'))
  await add('hanging in its body', websites.urlOf('/hang-body'))
  await add('blocked', 'http://169.254.169.254/')
  // TCP knows no multicast: the system refuses at once.
  await add('unreachable', 'http://224.0.0.1/')
  await add('with a header that cannot be sent', websites.urlOf('/hello'), { headers: { 'a header': 'x' } })
  await add(recheckKind, failingUrl, { interval: 2 })

  const ca = path.join(folder, 'ca.pem')
  writeFileSync(ca, authority.cert)
  const producer = new Service('producer', {
    ...databaseEnv(postgres.database),
    WEBMON_KAFKA_SERVER: kafka.host,
    WEBMON_KAFKA_PORT: String(kafka.port),
    WEBMON_KAFKA_TOPIC: topic,
    WEBMON_KAFKA_CONSUMER_GROUP: topic,
    WEBMON_MONITORING_INTERVAL: '5',
    WEBMON_MONITORING_TIMEOUT: '1',
    WEBMON_MONITORING_RECHECK: '1',
    NODE_EXTRA_CA_CERTS: ca,
  })
  const consumer = new Kafka({ brokers: [kafka.address], logLevel: logLevel.NOTHING }).consumer({ groupId: 'recorder' })
  try {
    await producer.logged(/^checking \d+ websites$/)
    const { rows } = await pool.query<{ website_id: string; name: string }>('SELECT website_id, name FROM website')
    const nameOf = new Map(rows.map(({ website_id, name }) => [website_id, name]))
    const found = new Map<string, RecordedMessage>()
    await consumer.connect()
    await consumer.subscribe({ topic, fromBeginning: true })
    await consumer.run({
      async eachMessage({ partition, message }) {
        const { key, value, headers = {}, timestamp, offset } = message
        const timestampMs = Number(timestamp)
        const entry = decode({ topic, partition, offset: BigInt(offset), timestampMs, key, value }, timestampMs)
        const kind = nameOf.get(entry.websiteId) as string
        if (found.has(kind) || (kind === recheckKind && !entry.recheck)) return
        found.set(kind, {
          kind,
          timestampMs,
          key: key && String(key),
          headers: Object.fromEntries(Object.entries(headers).map(([name, text]) => [name, String(text)])),
          value: String(value),
          entry,
        })
      },
    })
    await until(
      () => found.size === rows.length,
      60_000,
      () => `messages of ${rows.filter(({ name }) => !found.has(name)).map(({ name }) => name)}`,
    )
    return rows.map(({ name }) => found.get(name) as RecordedMessage)
  } finally {
    await Promise.all([consumer.disconnect(), producer.stop()])
    await pool.end()
    for (const server of [trusted.server, untrusted.server, failing]) server.close()
    await Promise.all([kafka.stop(), postgres.stop(), websites.stop()])
    rmSync(folder, { recursive: true })
  }
}

async function securely(authority: Authority): Promise<{ server: https.Server; url: string }> {
  const server = https.createServer(await authority.issue({ hosts: ['127.0.0.1'] }), (_, response) =>
    response.end('Hello'),
  )
  return { server, url: await listen(server, 'https') }
}

async function listen(server: Server, scheme: string): Promise<string> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return `${scheme}://127.0.0.1:${(server.address() as AddressInfo).port}/`
}
