import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import type { Logger } from '../logger.ts'
import { changeTables, tryAdvisory } from './locks.ts'
import { asMigrationError, MigrationError } from './migrationError.ts'
import { currentSchema, findSchema, requireRights, setSearchPath } from './schema.ts'
import { fillRollups } from './upgrade/fillRollups.ts'
import { findExisting, lockExisting } from './upgrade/original.ts'
import { UpgradeProgress } from './upgrade/progress.ts'
import { upgradeOriginal } from './upgrade/upgradeOriginal.ts'

export { MigrationError } from './migrationError.ts'

/** The same place from src/ and from dist/. */
const packageFolder = fileURLToPath(new URL('../../sql', import.meta.url))

/** 0001_tables.sql, the one that meets an empty database or an original's. */
const firstVersion = 1
/** 0002_rollups.sql, after which the entries that are there are added up. */
const rollupsVersion = 2

export interface MigrateOptions {
  /** Of numbered SQL files (0001_tables.sql) and sample_websites.sql. */
  readonly folder?: string
  readonly logger: Pick<Logger, 'info' | 'warn' | 'debug'>
  readonly signal?: AbortSignal
  /** What an entry that is there covers, in seconds, where its website has no interval of its own. */
  readonly intervalSeconds?: number
}

export interface SchemaVersion {
  readonly version: number
  readonly known: number
  readonly pending: readonly string[]
  readonly missing: string | null
}

interface Migration {
  readonly version: number
  /** The file's name without its ending. */
  readonly name: string
  readonly sql: string
}

/**
 * Brings the tables to what the files in `sql/` say: makes them in an empty database, upgrades those of the original in
 * place, applies what is new. All in one transaction. Any number of services may call it at the same time, also beside
 * running ones. When everything is applied it is one SELECT.
 *
 * @param pool of two connections, without a limit for the time of a query: indexes of large tables take theirs
 * @throws {MigrationError} when people must do something first; nothing was changed then
 */
export async function migrate(pool: pg.Pool, options: MigrateOptions): Promise<void> {
  const complete = {
    folder: packageFolder,
    signal: new AbortController().signal,
    intervalSeconds: 30,
    ...options,
  }
  const { folder, logger, signal } = complete
  const migrations = await readMigrations(folder)
  for (let attempt = 0; ; attempt++) {
    signal.throwIfAborted()
    const versions = await appliedVersions(pool)
    const pending = notApplied(migrations, versions)
    if (pending.length === 0) return tellOfNewer(migrations, versions, logger)
    const change = { what: 'migrating', tables: ['check_entry', ...tablesIn(pending)], logger, signal }
    const applied = await changeTables(pool, change, (client) => apply(client, pool, migrations, complete))
    if (applied !== 'busy') {
      for (const { version, name } of applied) logger.info({ version }, `migration ${name} applied`)
      return
    }
    if (attempt % 20 === 0) logger.info('waiting: another webmon is changing the tables')
    await sleep(500, undefined, { signal })
  }
}

/**
 * For services with `database.migrate: false`, and for people.
 *
 * @returns the newest version applied (0: none), the newest that is known here, the names of the files that are not
 *   applied, and one line about these, or null
 * @throws {MigrationError} when the role may not read `webmon_migration`
 */
export async function schemaVersion(pool: pg.Pool, folder = packageFolder): Promise<SchemaVersion> {
  const applied = await appliedVersions(pool)
  const migrations = await readMigrations(folder)
  const pending = notApplied(migrations, applied).map(({ name }) => name)
  const missing =
    `database.migrate is false and the tables are older: ${pending.join(', ')} not applied; ` +
    'start webmon once with database.migrate: true, as a role that may make tables'
  const known = Math.max(...migrations.map(({ version }) => version))
  return { version: Math.max(0, ...applied), known, pending, missing: pending.length > 0 ? missing : null }
}

async function readMigrations(folder: string): Promise<Migration[]> {
  const files = (await readdir(folder).catch(() => [])).filter((file) => /^\d{4}_\w+\.sql$/.test(file)).sort()
  if (files.length === 0) throw new MigrationError(`no migrations in ${folder}: the installation is incomplete`)
  return await Promise.all(
    files.map(async (file) => ({
      version: Number.parseInt(file, 10),
      name: file.slice(0, -'.sql'.length),
      sql: await readFile(path.join(folder, file), 'utf8'),
    })),
  )
}

function notApplied(migrations: Migration[], versions: number[]): Migration[] {
  return migrations.filter(({ version }) => !versions.includes(version))
}

/** In the middle of a rolling upgrade a newer webmon has been here already: its tables still fit this one. */
function tellOfNewer(migrations: Migration[], versions: number[], logger: MigrateOptions['logger']): void {
  const known = Math.max(...migrations.map(({ version }) => version))
  const newest = Math.max(...versions)
  if (newest <= known) return
  logger.info({ newest, known }, `the tables are of a newer webmon (${newest}, this one knows ${known}): going on`)
}

/** The tables that the files name, plainly enough for asking who owns or locks them. */
function tablesIn(migrations: Migration[]): string[] {
  const names = migrations.flatMap(({ sql }) => [...sql.matchAll(/\b(?:CREATE|ALTER) TABLE (?:IF NOT EXISTS )?(\w+)/g)])
  return [...new Set(['webmon_migration', ...names.map(([, name]) => name as string)])]
}

async function appliedVersions(pool: pg.Pool): Promise<number[]> {
  try {
    const { rows } = await pool.query<{ version: number }>('SELECT version FROM webmon_migration')
    return rows.map(({ version }) => version)
  } catch (error) {
    if (!(error instanceof pg.DatabaseError)) throw error
    if (error.code === '42P01') {
      // To a role that may not use the schema nothing in it exists.
      await currentSchema(pool)
      return []
    }
    if (error.code !== '42501') throw error
    const { rows } = await pool.query<{ message: string }>(
      `SELECT format('role %1$I may not read %2$s.webmon_migration; its owner or a superuser can run: '
                     'GRANT SELECT ON %2$s.webmon_migration TO %1$I',
                     current_user, relnamespace::regnamespace) AS message
         FROM pg_class WHERE oid = to_regclass('webmon_migration')`,
    )
    throw new MigrationError(rows[0]?.message ?? error.message)
  }
}

/** The transaction. 'busy': another service is at it. */
async function apply(
  client: pg.PoolClient,
  pool: pg.Pool,
  migrations: Migration[],
  options: Required<MigrateOptions>,
): Promise<Migration[] | 'busy'> {
  const { rows: lock } = await client.query<{ taken: boolean }>(tryAdvisory('migrate'))
  if (!lock[0]?.taken) return 'busy'
  // Whoever had the lock before may have applied them.
  const { rows: table } = await client.query<{ name: string | null }>(`SELECT to_regclass('webmon_migration') AS name`)
  const { rows: applied } = table[0]?.name
    ? await client.query<{ version: number }>('SELECT version FROM webmon_migration')
    : { rows: [] }
  const pending = notApplied(
    migrations,
    applied.map(({ version }) => version),
  )
  if (pending.length === 0) return []

  const schema = await findSchema(client)
  await requireRights(client, schema, tablesIn(pending))
  for (const migration of pending) {
    const runFile = () => run(client, schema, migration)
    if (migration.version === firstVersion) await makeOrUpgrade(client, schema, runFile, { ...options, pool })
    else await runFile()
    if (migration.version === rollupsVersion) await fill(client, { ...options, pool })
  }
  return pending
}

/** Runs 0001_tables.sql, in an empty database or around what the original left there. */
async function makeOrUpgrade(
  client: pg.PoolClient,
  schema: string,
  makeTables: () => Promise<void>,
  { pool, folder, logger, signal }: Required<MigrateOptions> & { pool: pg.Pool },
): Promise<void> {
  await setSearchPath(client, null)
  await lockExisting(client, await findExisting(client, schema))
  // Again, because until the lock was there anybody could add a view.
  const { website, checkEntry } = await findExisting(client, schema)
  if (checkEntry) await upgradeOriginal(client, checkEntry, makeTables, { pool, logger, signal })
  else await makeTables()
  if (!website) await client.query(await readFile(path.join(folder, 'sample_websites.sql'), 'utf8'))
}

async function fill(
  client: pg.PoolClient,
  { pool, logger, signal, intervalSeconds }: Required<MigrateOptions> & { pool: pg.Pool },
): Promise<void> {
  const progress = await UpgradeProgress.start(pool, client, logger, signal)
  try {
    await fillRollups(client, intervalSeconds, (name) => progress.step(name))
  } finally {
    progress.stop()
  }
}

async function run(client: pg.PoolClient, schema: string, { version, name, sql }: Migration): Promise<void> {
  await setSearchPath(client, schema)
  try {
    await client.query(sql)
  } catch (error) {
    const position = error instanceof pg.DatabaseError ? error.position : undefined
    const where = position === undefined ? '' : ` at line ${sql.slice(0, Number(position)).split('\n').length}`
    throw asMigrationError(error, `migration ${name} failed${where}, nothing was changed`)
  }
  await client.query('INSERT INTO webmon_migration (version, name) VALUES ($1, $2)', [version, name])
}
