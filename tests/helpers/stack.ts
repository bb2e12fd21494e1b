import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { Kafka, logLevel } from 'kafkajs'
import pg from 'pg'
import { inject } from 'vitest'
import { type DatabaseAddress, databaseAddress, parseDatabaseUrl } from '../../local/databaseAddress.ts'
import type { LocalKafka } from '../../local/kafka.ts'
import { databaseEnv, openPool } from './stackEnv.ts'

export { databaseEnv, openPool }

/** A database, a topic and a group that nobody else has, on the real servers that the tests share. */
export interface Stack {
  readonly database: DatabaseAddress
  readonly pool: pg.Pool
  readonly kafka: Kafka
  readonly topic: string
  readonly group: string
  /** The environment of a service that works on this stack. */
  readonly env: Record<string, string>
  stop(): Promise<void>
}

/** @param broker host:port */
export async function createStack(broker = inject('kafka')): Promise<Stack> {
  const name = `test_${randomBytes(6).toString('hex')}`
  const database = await createDatabase(name)
  const pool = openPool(database)
  const [host, port] = broker.split(':') as [string, string]
  return {
    database,
    pool,
    kafka: new Kafka({ brokers: [broker], clientId: 'test', logLevel: logLevel.NOTHING }),
    topic: name,
    group: name,
    env: {
      WEBMON_KAFKA_SERVER: host,
      WEBMON_KAFKA_PORT: port,
      WEBMON_KAFKA_TOPIC: name,
      WEBMON_KAFKA_CONSUMER_GROUP: name,
      ...databaseEnv(database),
    },
    stop: () => pool.end(),
  }
}

/** Its producers have one path for their spools, which outlives them. */
export interface SpoolStack extends Stack {
  readonly folder: string
}

/** @param kafka is started if it was taken away */
export async function createSpoolStack(kafka: LocalKafka): Promise<SpoolStack> {
  await kafka.start()
  const folder = mkdtempSync(path.join(tmpdir(), 'webmon-spools-'))
  const stack = await createStack(kafka.address)
  return {
    ...stack,
    folder,
    env: { ...stack.env, WEBMON_PRODUCER_SPOOL_PATH: path.join(folder, 'spool') },
    async stop() {
      await stack.stop()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** So many websites of one URL: `website 1` and so on. */
export async function addWebsites(
  { pool }: Pick<Stack, 'pool'>,
  url: string,
  count: number,
  regex = '',
): Promise<void> {
  await pool.query(
    "INSERT INTO website (name, url, regex) SELECT 'website ' || n, $1, $2 FROM generate_series(1, $3::integer) AS n",
    [url, regex, count],
  )
}

/** An empty database of a role that is no administrator, unless the server's user gave us one. */
export async function createDatabase(
  name = `test_${randomBytes(6).toString('hex')}`,
  encoding = 'UTF8',
): Promise<DatabaseAddress> {
  const owner = inject('databaseOwner')
  const client = new pg.Client({ connectionString: inject('databaseMaker') })
  await client.connect()
  try {
    const [database, role] = [name, owner.user].map(pg.escapeIdentifier)
    const how = encoding === 'UTF8' ? '' : `ENCODING '${encoding}' LOCALE 'C' TEMPLATE template0`
    await client.query(`CREATE DATABASE ${database} OWNER ${role} ${how}`)
  } finally {
    await client.end()
  }
  const { host, port } = parseDatabaseUrl(inject('databaseMaker'))
  return databaseAddress({ host, port, database: name, ...owner, sslMode: 'disable' })
}
