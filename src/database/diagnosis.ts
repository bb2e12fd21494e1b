import type pg from 'pg'
import type { Config } from '../config.ts'
import { compareClocks, type Finding, note, well, wrong } from '../finding.ts'
import type { Logger } from '../logger.ts'
import { messageOf } from '../retry.ts'
import { describeConnectionError } from './connectionError.ts'
import { type Database, openDatabase } from './database.ts'
import { diagnoseProducers } from './diagnoseProducers.ts'
import { MigrationError } from './migrationError.ts'
import { schemaVersion } from './migrations.ts'
import { readPartitionedTables } from './partitionedTables.ts'
import { dayMs } from './period.ts'
import { findSchema, requireRights } from './schema.ts'
import { describeVolume, readVolume } from './volume.ts'

const answerWithinMs = 10_000
const partitioned = ['check_entry', 'check_hour', 'check_day'] as const

/**
 * Looks at the database as the services use it. Changes nothing.
 *
 * @returns what was found, and the URLs of some websites that are checked
 */
export async function diagnoseDatabase(
  config: Config,
  logger: Logger,
): Promise<{ findings: Finding[]; urls: string[] }> {
  const { host, port, db, user } = config.database
  const options = { name: `${config.application.name} doctor`, connections: 2, timeoutMs: answerWithinMs }
  const pool = openDatabase(config.database, options, logger)
  const findings: Finding[] = []
  try {
    const { encrypted, version, isPooled } = await connect(pool)
    findings.push(
      well(
        'database',
        `PostgreSQL ${version}, ${db} at ${host}:${port}, as ${user}, ${encrypted ? 'with' : 'without'} TLS`,
      ),
    )
    if (isPooled) findings.push(await diagnosePooler(pool))
    if (findings.some(({ state }) => state === 'wrong')) return { findings, urls: [] }
    findings.push(await compareClocks('clock', 'PostgreSQL', () => databaseTime(pool)))
    const tables = await diagnoseTables(pool, config)
    findings.push(...tables.findings)
    if (!tables.usable) return { findings, urls: [] }
    findings.push(await diagnoseProducers(pool), ...(await diagnoseVolume(pool, config)))
    return { findings, urls: await someUrls(pool) }
  } catch (error) {
    return { findings: [...findings, describeConnectionError(error, config.database)], urls: [] }
  } finally {
    await pool.end()
  }
}

/** The process that a pooler claims to be is none of the server's. */
async function connect(pool: Database): Promise<{ encrypted: boolean; version: string; isPooled: boolean }> {
  const client = (await pool.connect()) as pg.PoolClient & { processID: number | null }
  try {
    const { rows } = await client.query<{ pid: number; version: string }>(
      "SELECT pg_backend_pid() AS pid, split_part(current_setting('server_version'), ' ', 1) AS version",
    )
    const { pid, version } = rows[0] as (typeof rows)[0]
    return { encrypted: 'encrypted' in client.connection.stream, version, isPooled: pid !== client.processID }
  } finally {
    client.release()
  }
}

async function diagnosePooler(pool: Database): Promise<Finding> {
  const found = 'a pooler such as PgBouncer stands between webmon and PostgreSQL'
  try {
    const client = await pool.connect()
    try {
      await client.query('BEGIN')
      await client.query('COMMIT')
    } finally {
      client.release()
    }
    return note(
      'pooler',
      `${found}: it works in session and in transaction mode`,
      'one of a consumer waits for another where the pool has fewer connections than consumer.threads and two more',
    )
  } catch (error) {
    return wrong(
      'pooler',
      `${found} and takes no transactions (${messageOf(error)})`,
      'set pool_mode = transaction or session for this database in pgbouncer.ini',
    )
  }
}

async function databaseTime(pool: Database): Promise<number> {
  const { rows } = await pool.query<{ ms: number }>('SELECT extract(epoch FROM clock_timestamp())::float8 * 1000 AS ms')
  return rows[0]?.ms ?? 0
}

interface Tables {
  readonly findings: Finding[]
  /** Whether there is something to read. */
  readonly usable: boolean
}

async function diagnoseTables(pool: Database, { database }: Config): Promise<Tables> {
  try {
    const { version, known, pending } = await schemaVersion(pool)
    if (pending.length > 0) {
      return { findings: [await diagnosePending(pool, version, pending, database.migrate)], usable: false }
    }
    const tables =
      version > known
        ? note('tables', `of a newer webmon (${version}, this one knows ${known}): they fit`)
        : well('tables', `up to date (${version})`)
    return { findings: [tables, await diagnosePartitions(pool, database.migrate)], usable: true }
  } catch (error) {
    if (!(error instanceof MigrationError)) throw error
    return { findings: [wrong('tables', error.message, 'have that done by whoever may')], usable: false }
  }
}

async function diagnosePending(
  pool: Database,
  version: number,
  pending: readonly string[],
  mayMigrate: boolean,
): Promise<Finding> {
  const { rows } = await pool.query<{ name: string | null }>("SELECT to_regclass('check_entry') AS name")
  const isEmpty = version === 0 && rows[0]?.name === null
  const old = version === 0 ? "they are the original's" : `${pending.join(', ')} not applied`
  const what = isEmpty ? 'there are no tables yet' : `the tables are old: ${old}`
  const missing = await missingRights(pool, ['website', 'check_entry'])
  if (missing !== undefined) return wrong('tables', `${what}, and ${missing}`, 'have that run, then start webmon')
  if (isEmpty && mayMigrate) return note('tables', what, 'the services make them when they start')
  const start = mayMigrate ? ', or start a service: it does the same' : ''
  return wrong('tables', what, `run webmon database migrate as a role that may${start}`)
}

/** Without partitions ahead entries wait, and services without the right to make them rely on somebody else. */
async function diagnosePartitions(pool: Database, mayMigrate: boolean): Promise<Finding> {
  const tables = await readPartitionedTables(pool)
  const ends = tables.map(({ partitions }) => Math.max(...partitions.map(({ to }) => to)))
  const daysAhead = Math.floor((Math.min(...ends) - Date.now()) / dayMs)
  const missing = await missingRights(pool, partitioned)
  if (missing === undefined) return well('partitions', `made ${daysAhead} days ahead`)
  if (mayMigrate || daysAhead < 2) {
    return wrong('partitions', `${missing}; they are made ${daysAhead} days ahead`, 'have that run')
  }
  return note('partitions', `made ${daysAhead} days ahead, by another role: this one may not`)
}

async function missingRights(pool: Database, tables: readonly string[]): Promise<string | undefined> {
  const client = await pool.connect()
  try {
    await requireRights(client, await findSchema(client), tables)
    return undefined
  } catch (error) {
    if (error instanceof MigrationError) return error.message
    throw error
  } finally {
    client.release()
  }
}

async function diagnoseVolume(pool: Database, { monitoring, database }: Config): Promise<Finding[]> {
  const { retention } = database
  const volume = await readVolume(pool, monitoring.intervalSeconds, retention)
  const kept = (days: number) => (days === 0 ? 'for ever' : `${days} days`)
  const { entryDays, hourDays, dayDays } = retention
  const text = `entries are kept ${kept(entryDays)}, hours ${kept(hourDays)}, days ${kept(dayDays)}`
  return [
    volume.websites === 0
      ? note('websites', 'no website is checked', 'add some: webmon website add URL')
      : well('websites', describeVolume(volume, retention)),
    entryDays === 0
      ? note('retention', text, 'set database.retention.entries, or the disk will be full one day')
      : well('retention', text),
  ]
}

async function someUrls(pool: Database): Promise<string[]> {
  const { rows } = await pool.query<{ url: string }>(
    'SELECT url FROM website WHERE enabled ORDER BY website_id LIMIT 100',
  )
  return rows.map(({ url }) => url)
}
