import { randomBytes } from 'node:crypto'
import { escapeIdentifier } from 'pg'
import { type DatabaseAddress, databaseAddress, parseDatabaseUrl, withClient } from './databaseAddress.ts'
import { type KafkaOptions, startKafka } from './kafka.ts'
import { type PostgresOptions, startPostgres } from './postgres.ts'

/** The process of a server of ours. */
export interface OwnProcess {
  readonly pid: number
  /** How it ended, once it has. */
  readonly ended: Promise<string>
}

/** A Kafka that answers, ours or the user's. */
export interface KafkaServer {
  readonly host: string
  readonly port: number
  /** `host:port` */
  readonly address: string
  /** Undefined, as its data folder: it is not ours. */
  readonly process?: OwnProcess
  readonly dataFolder?: string
  /** Ends it if it is ours; when `hurry` is aborted, without a goodbye. */
  stop(options?: { hurry?: AbortSignal }): Promise<void>
}

/** A PostgreSQL that answers, ours or the user's. */
export interface DatabaseServer {
  /** The one that is named in the URL, or `webmon`. */
  readonly database: DatabaseAddress
  /** An empty database for one test file; by default it has a name of its own. */
  createDatabase(name?: string): Promise<DatabaseAddress>
  /** Undefined, as its data folder: it is not ours. */
  readonly process?: OwnProcess
  readonly dataFolder?: string
  /** Ends it if it is ours, when `hurry` is aborted without a goodbye; else the databases that were made go. */
  stop(options?: { hurry?: AbortSignal }): Promise<void>
}

/** The Kafka that WEBMON_TEST_KAFKA names, else one that is started with these options. */
export async function takeKafka(options: KafkaOptions = {}): Promise<KafkaServer> {
  const given = givenKafka()
  return given ? { ...given, stop: async () => {} } : startKafka(options)
}

/** The PostgreSQL that WEBMON_TEST_DATABASE names, else one that is started with these options. */
export async function takePostgres(options: PostgresOptions = {}): Promise<DatabaseServer> {
  const given = givenDatabase()
  return given ? new ForeignServer(given) : startPostgres(options)
}

export function givenKafka(): { host: string; port: number; address: string } | undefined {
  const address = process.env.WEBMON_TEST_KAFKA
  if (!address) return undefined
  const [, host, port] = /^(?:\[([^\]]+)\]|([^:]+)):(\d+)$/.exec(address)?.filter((part) => part !== undefined) ?? []
  if (!host || !port) throw new Error(`WEBMON_TEST_KAFKA: ${address}: expected host:port`)
  return { host, port: Number(port), address }
}

export function givenDatabase(): DatabaseAddress | undefined {
  const url = process.env.WEBMON_TEST_DATABASE
  return url ? parseDatabaseUrl(url) : undefined
}

class ForeignServer implements DatabaseServer {
  readonly #made: string[] = []

  constructor(readonly database: DatabaseAddress) {}

  async createDatabase(name = `webmon_test_${randomBytes(6).toString('hex')}`): Promise<DatabaseAddress> {
    // None is dropped first, as on a server of ours: this name may be somebody's.
    await withClient(this.database, (client) => client.query(`CREATE DATABASE ${escapeIdentifier(name)}`))
    this.#made.push(name)
    return databaseAddress({ ...this.database, database: name })
  }

  async stop(): Promise<void> {
    await withClient(this.database, async (client) => {
      for (const name of this.#made) await client.query(`DROP DATABASE ${escapeIdentifier(name)} WITH (FORCE)`)
    })
  }
}
