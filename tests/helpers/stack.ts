import { randomBytes } from 'node:crypto'
import { Kafka, logLevel } from 'kafkajs'
import pg from 'pg'
import { inject } from 'vitest'
import { type DatabaseAddress, databaseAddress, parseDatabaseUrl } from '../../local/databaseAddress.ts'
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

export async function createStack(): Promise<Stack> {
  const name = `test_${randomBytes(6).toString('hex')}`
  const database = await createDatabase(name)
  const pool = openPool(database)
  const [host, port] = inject('kafka').split(':') as [string, string]
  return {
    database,
    pool,
    kafka: new Kafka({ brokers: [inject('kafka')], clientId: 'test', logLevel: logLevel.NOTHING }),
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
