import { randomBytes } from 'node:crypto'
import { cp, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type pg from 'pg'
import { afterEach, beforeEach, describe, expect, inject, test, vi } from 'vitest'
import { connect, type DatabaseAddress, parseDatabaseUrl, withClient } from '../local/databaseAddress.ts'
import { findPgBouncer, startPgBouncer } from '../local/pgbouncer.ts'
import { MigrationError, migrate, schemaVersion } from '../src/database/migrations.ts'
import { ensurePartitions } from '../src/database/partitions.ts'
import { createDatabase, openPool } from './helpers/stack.ts'

const logger = { info: vi.fn(), warn: vi.fn(), debug: vi.fn() }
const allTables = [
  ...['alert', 'check_day', 'check_entry', 'check_hour', 'dead_letter', 'incident', 'producer', 'producer_lease'],
  ...['rollup_state', 'stale_day', 'webmon_migration', 'website'],
]
const sqlFolder = path.join(import.meta.dirname, '../sql')
/** Those of this version, in their order; the ones that the tests make up come after them. */
const own = (await readdir(sqlFolder))
  .filter((file) => /^\d{4}_/.test(file))
  .sort()
  .map((file, n) => ({ version: n + 1, name: file.replace('.sql', '') }))
const messages = (of: typeof logger.info) => of.mock.calls.map((call) => call.at(-1) as string)

let database: DatabaseAddress
let pool: pg.Pool
const undo: (() => Promise<unknown>)[] = []

beforeEach(async () => {
  vi.clearAllMocks()
  database = await createDatabase()
  pool = openPool(database)
})

afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step()
  await pool.end()
})

/** A connection with an open transaction. */
async function begin(sql: string): Promise<pg.Client> {
  const client = await connect(database)
  undo.push(() => client.end())
  await client.query(`BEGIN; ${sql}`)
  return client
}

const asAdmin = (sql: string) =>
  withClient({ ...parseDatabaseUrl(inject('databaseMaker')), database: database.database }, (client) =>
    client.query(sql),
  )

/** A role that owns nothing, and a pool of its own in the test's database. */
async function otherRole(): Promise<{ role: string; pool: pg.Pool }> {
  const role = `other_${randomBytes(6).toString('hex')}`
  // Revoked as it is from PostgreSQL 15 on.
  await asAdmin(
    `CREATE ROLE ${role} LOGIN PASSWORD 'other';
     REVOKE CREATE ON SCHEMA public FROM PUBLIC; GRANT CREATE ON SCHEMA public TO webmon`,
  )
  undo.push(() => asAdmin(`DROP OWNED BY ${role}; DROP ROLE ${role}`))
  const other = openPool({ ...database, user: role, password: 'other' })
  undo.push(() => other.end())
  return { role, pool: other }
}

/** A copy of sql/ with more files in it. */
async function folderWith(files: Record<string, string>): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'webmon-sql-'))
  undo.push(() => rm(folder, { recursive: true }))
  await cp(sqlFolder, folder, { recursive: true })
  for (const [name, sql] of Object.entries(files)) await writeFile(path.join(folder, name), sql)
  return folder
}

const urls = async () => (await pool.query('SELECT url FROM website ORDER BY url')).rows.map(({ url }) => url)
const tables = async (schema = 'public') =>
  (
    await pool.query(
      `SELECT relname FROM pg_class
        WHERE relnamespace = $1::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition ORDER BY relname`,
      [schema],
    )
  ).rows.map(({ relname }) => relname)
const failure = (promise: Promise<unknown>) =>
  promise.then(
    () => expect.unreachable('it should have failed'),
    (error: unknown) => error as Error,
  )

describe('an empty database', () => {
  test('gets the tables, sample websites, and partitions that take entries at once', async () => {
    await migrate(pool, { logger })
    expect(await tables()).toEqual(allTables)
    expect(await urls()).toEqual([
      'http://no-such-host.invalid/',
      'https://example.com/',
      'https://www.debian.org/',
      'https://www.iana.org/',
      'https://www.kernel.org/',
      'https://www.postgresql.org/',
    ])
    const { rows } = await pool.query(
      `INSERT INTO check_entry (website_id, response_time, http_status, regex, regex_match)
       SELECT website_id, 1, 200, regex, true FROM website RETURNING tableoid::regclass::text AS partition`,
    )
    const today = new Date().toISOString().slice(0, 10).replaceAll('-', '')
    expect(new Set(rows.map(({ partition }) => partition))).toEqual(new Set([`check_entry_${today}`]))
  })

  test('is made once by five services that start at the same time', async () => {
    const pools = Array.from({ length: 5 }, () => openPool(database))
    await Promise.all(pools.map((each) => migrate(each, { logger })))
    await Promise.all(pools.map((each) => each.end()))
    expect(messages(logger.info).filter((message) => message === 'migration 0001_tables applied')).toHaveLength(1)
    expect((await pool.query('SELECT version, name FROM webmon_migration ORDER BY version')).rows).toEqual(own)
    expect(await urls()).toHaveLength(6)
  })

  test('lets regex and status of a website be left out, and refuses values that no check could use', async () => {
    await migrate(pool, { logger })
    await pool.query('DELETE FROM website')
    await pool.query(`INSERT INTO website (name, url) VALUES ('a', 'http://a.example/')`)
    await pool.query(
      `INSERT INTO website (name, url, expected_status) VALUES ('b', 'http://b.example/', '200-299,401')`,
    )
    const { rows } = await pool.query('SELECT regex, status, enabled, tags, interval FROM website ORDER BY name')
    expect(rows[0]).toEqual({ regex: '', status: 'unknown', enabled: true, tags: [], interval: null })
    const refused = ['interval = 0', 'timeout = 301', `method = 'BREW'`, `headers = '[]'`, `expected_status = '2xx'`]
    for (const value of refused) {
      expect(await failure(pool.query(`UPDATE website SET ${value}`)), value).toMatchObject({ code: '23514' })
    }
  })
})

describe('tables that are there already', () => {
  test('do not get back the samples that somebody deleted', async () => {
    await migrate(pool, { logger })
    await pool.query(`DELETE FROM website WHERE url <> 'https://example.com/'`)
    await migrate(pool, { logger })
    await migrate(pool, { logger, folder: await folderWith({ '9001_more.sql': 'CREATE TABLE more ()' }) })
    expect(await urls()).toEqual(['https://example.com/'])
  })

  test('cost one SELECT and no lock when everything is applied', async () => {
    await migrate(pool, { logger })
    await begin(`LOCK TABLE website, check_entry, dead_letter IN ACCESS EXCLUSIVE MODE;
                 LOCK TABLE webmon_migration IN EXCLUSIVE MODE`)
    const query = vi.spyOn(pool, 'query')
    const connect = vi.spyOn(pool, 'connect')
    await migrate(pool, { logger })
    expect(query.mock.calls).toEqual([['SELECT version FROM webmon_migration']])
    // The one that query makes itself.
    expect(connect).toHaveBeenCalledTimes(1)
  })

  test('get each new file once and in order', async () => {
    await migrate(pool, { logger })
    const folder = await folderWith({
      '9002_b.sql': 'ALTER TABLE extra ADD COLUMN b integer',
      '9001_a.sql': 'CREATE TABLE extra (a integer)',
      'README.md': 'no migration',
    })
    const pools = [openPool(database), openPool(database)]
    await Promise.all(pools.map((each) => migrate(each, { logger, folder })))
    await Promise.all(pools.map((each) => each.end()))
    const { rows } = await pool.query('SELECT version, name FROM webmon_migration ORDER BY version')
    expect(rows).toEqual([...own, { version: 9001, name: '9001_a' }, { version: 9002, name: '9002_b' }])
  })

  test('stay as they are when a file fails, which is told with its line', async () => {
    await migrate(pool, { logger })
    const before = await tables()
    const folder = await folderWith({
      '9001_good.sql': 'CREATE TABLE good ()',
      '9002_bad.sql': '-- a comment\nALTER TABLE website\n  ADD COLUMN tags text;\nSELECT nonsense;\n',
    })
    const error = await failure(migrate(pool, { logger, folder }))
    expect(error).toBeInstanceOf(MigrationError)
    expect(error.message).toBe(
      'migration 9002_bad failed, nothing was changed: column "tags" of relation "website" already exists',
    )
    await writeFile(path.join(folder, '9002_bad.sql'), '-- a comment\nSELECT 1;\nSELECT nonsense;\n')
    expect((await failure(migrate(pool, { logger, folder }))).message).toBe(
      'migration 9002_bad failed at line 3, nothing was changed: column "nonsense" does not exist',
    )
    expect(await tables()).toEqual(before)
  })

  test('of a newer webmon are left alone, and a line says so', async () => {
    await migrate(pool, { logger })
    await pool.query(`INSERT INTO webmon_migration (version, name) VALUES (9999, '9999_future')`)
    await migrate(pool, { logger })
    expect(messages(logger.info)).toContain(
      `the tables are of a newer webmon (9999, this one knows ${own.length}): going on`,
    )
    expect(await schemaVersion(pool)).toMatchObject({ version: 9999, missing: null })
  })

  test('that are older than a service which may not migrate are told in one line', async () => {
    expect(await schemaVersion(pool)).toMatchObject({
      version: 0,
      missing:
        `database.migrate is false and the tables are older: ${own.map(({ name }) => name).join(', ')} not applied; ` +
        'start webmon once with database.migrate: true, as a role that may make tables',
    })
    await migrate(pool, { logger })
    expect(await schemaVersion(pool)).toMatchObject({ version: own.length, missing: null })
    const folder = await folderWith({ '9001_a.sql': '', '9002_b.sql': '' })
    expect((await schemaVersion(pool, folder)).missing).toContain('are older: 9001_a, 9002_b not applied;')
  })
})

describe('a missing right is told with the statement that gives it', () => {
  test('making tables in the schema', async () => {
    const { role, pool: other } = await otherRole()
    const error = await failure(migrate(other, { logger }))
    expect(error).toBeInstanceOf(MigrationError)
    expect(error.message).toBe(
      `role ${role} may not create tables in schema public; who may grant it can run: ` +
        `GRANT CREATE, USAGE ON SCHEMA public TO ${role}`,
    )
    await asAdmin(`GRANT CREATE, USAGE ON SCHEMA public TO ${role}`)
    await migrate(other, { logger })
    expect(await tables()).toContain('website')
  })

  test('using the schema at all', async () => {
    const { role, pool: other } = await otherRole()
    await asAdmin('REVOKE USAGE ON SCHEMA public FROM PUBLIC')
    expect((await failure(migrate(other, { logger }))).message).toBe(
      `role ${role} may not use schema public; who may grant it can run: ` +
        `GRANT CREATE, USAGE ON SCHEMA public TO ${role}`,
    )
    await asAdmin(`ALTER ROLE ${role} SET search_path = nowhere`)
    const later = openPool({ ...database, user: role, password: 'other' })
    expect((await failure(migrate(later, { logger }))).message).toBe(
      `no schema of the search_path (nowhere) exists; who may can run: CREATE SCHEMA ${role} AUTHORIZATION ${role}`,
    )
    await later.end()
  })

  test('changing a table of somebody else', async () => {
    const { role, pool: other } = await otherRole()
    await asAdmin(`GRANT CREATE, USAGE ON SCHEMA public TO ${role}`)
    await pool.query(
      'CREATE TABLE website (website_id uuid, name text, url text, regex text, status text, "timestamp" date)',
    )
    expect((await failure(migrate(other, { logger }))).message).toBe(
      `role ${role} may not change public.website, which belongs to webmon; its owner or a superuser can run: ` +
        `ALTER TABLE public.website OWNER TO ${role}`,
    )
    expect(await tables()).toEqual(['website'])
  })

  test('reading which migrations are applied', async () => {
    const { role, pool: other } = await otherRole()
    await migrate(pool, { logger })
    const message =
      `role ${role} may not read public.webmon_migration; its owner or a superuser can run: ` +
      `GRANT SELECT ON public.webmon_migration TO ${role}`
    for (const attempt of [() => migrate(other, { logger }), () => schemaVersion(other)]) {
      const error = await failure(attempt())
      expect(error).toBeInstanceOf(MigrationError)
      expect(error.message).toBe(message)
    }
    await pool.query(`GRANT SELECT ON webmon_migration TO ${role}`)
    await migrate(other, { logger })
  })
})

describe('the schema', () => {
  test('is the first one of the search_path when there are no tables yet', async () => {
    await pool.query('CREATE SCHEMA "mon itor"')
    await asAdmin(`ALTER DATABASE ${database.database} SET search_path = 'mon itor', public`)
    const later = openPool(database)
    await migrate(later, { logger })
    await ensurePartitions(later, { logger, daysAhead: 40 })
    await later.end()
    expect(await tables('"mon itor"')).toEqual(allTables)
    expect(await tables()).toEqual([])
  })

  test('is the one that has the tables of the original, wherever new tables would go', async () => {
    await pool.query(
      'CREATE TABLE website (website_id uuid, name text, url text, regex text, status text, "timestamp" date)',
    )
    await pool.query('CREATE SCHEMA webmon')
    await migrate(pool, { logger })
    expect(await tables()).toEqual(allTables)
    expect(await urls()).toEqual([])
  })

  test('must be one for both tables', async () => {
    await pool.query(
      'CREATE SCHEMA webmon CREATE TABLE website (id integer); CREATE TABLE public.check_entry (id integer)',
    )
    expect((await failure(migrate(pool, { logger }))).message).toBe(
      'webmon.website and public.check_entry are in two schemas: move one (ALTER TABLE ... SET SCHEMA), ' +
        'or set a search_path with one of the schemas alone (ALTER ROLE ... SET search_path)',
    )
  })

  test('is left alone when somebody else has a table of our name', async () => {
    await pool.query('CREATE TABLE website (id integer, url text)')
    expect((await failure(migrate(pool, { logger }))).message).toBe(
      `public.website is not webmon's, it lacks website_id, name, regex, status, timestamp: ` +
        'give webmon a schema of its own; nothing was changed',
    )
    expect(await tables()).toEqual(['website'])
  })
})

describe('a service that finds another one migrating', () => {
  test('waits, says so, and goes on when that one has ended', async () => {
    const other = await begin('SELECT pg_advisory_xact_lock(2003133037, 1)')
    const migrating = migrate(pool, { logger })
    await vi.waitFor(() => expect(messages(logger.info)).toEqual(['waiting: another webmon is changing the tables']))
    await other.query('ROLLBACK')
    await migrating
    expect(await tables()).toContain('website')
  })

  test('stops waiting when it is to stop', async () => {
    await begin('SELECT pg_advisory_xact_lock(2003133037, 1)')
    const stopping = new AbortController()
    const migrating = failure(migrate(pool, { logger, signal: stopping.signal }))
    await vi.waitFor(() => expect(logger.info).toHaveBeenCalled())
    stopping.abort()
    expect((await migrating).name).toBe('AbortError')
  })
})

describe.skipIf(findPgBouncer() === undefined)('behind PgBouncer in transaction mode', () => {
  test('services that start together migrate once and leave nothing behind in the shared connections', async () => {
    const bouncer = await startPgBouncer({ database, poolSize: 2 })
    undo.push(() => bouncer.stop())
    const pools = Array.from({ length: 4 }, () => openPool(bouncer.database))
    await Promise.all(
      pools.map(async (each) => {
        await migrate(each, { logger })
        await ensurePartitions(each, { logger, daysAhead: 40 })
      }),
    )
    const settings = `SELECT current_setting('lock_timeout') AS lock_timeout, current_setting('search_path') AS path,
                             (SELECT count(*)::integer FROM pg_locks WHERE locktype = 'advisory') AS locks,
                             pg_sleep(0.2)`
    // At the same time, so that both shared connections answer.
    const left = await Promise.all(pools.map(async (each) => (await each.query(settings)).rows[0]))
    await Promise.all(pools.map((each) => each.end()))
    for (const each of left) expect(each).toMatchObject({ lock_timeout: '0', path: '"$user", public', locks: 0 })
    const partitions = `SELECT count(*)::integer FROM pg_inherits WHERE inhparent = 'check_entry'::regclass`
    expect((await pool.query(partitions)).rows[0].count).toBe(41)
    expect(await urls()).toHaveLength(6)
  })
})
