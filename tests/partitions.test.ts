import type pg from 'pg'
import { afterEach, beforeEach, expect, inject, test, vi } from 'vitest'
import { connect, type DatabaseAddress, parseDatabaseUrl, withClient } from '../local/databaseAddress.ts'
import { MigrationError, migrate } from '../src/database/migrations.ts'
import { ensurePartitionFor, ensurePartitions, isNoPartition } from '../src/database/partitions.ts'
import { createDatabase, openPool } from './helpers/stack.ts'

const logger = { info: vi.fn(), warn: vi.fn(), debug: vi.fn() }
/** Far from today, whose partitions come with the tables. Clocks change in this week, in Europe and America. */
const now = new Date('2031-10-30T23:30:00Z')

let database: DatabaseAddress
let pool: pg.Pool

beforeEach(async () => {
  vi.clearAllMocks()
  database = await createDatabase()
  pool = openPool(database)
  await migrate(pool, { logger })
  vi.clearAllMocks()
})

afterEach(async () => {
  for (const client of clients.splice(0)) await client.end()
  await pool.end()
})

const clients: pg.Client[] = []
/** A connection with an open transaction. */
async function begin(sql: string): Promise<pg.Client> {
  const client = await connect(database)
  clients.push(client)
  await client.query(`BEGIN; ${sql}`)
  return client
}

const asAdmin = (sql: string) =>
  withClient({ ...parseDatabaseUrl(inject('databaseMaker')), database: database.database }, (client) =>
    client.query(sql),
  )
const failure = (promise: Promise<unknown>) =>
  promise.then(
    () => expect.unreachable('it should have failed'),
    (error: unknown) => error as Error,
  )
/** Names and bounds, as PostgreSQL shows them in UTC. */
async function partitions(since: string): Promise<string[]> {
  const client = await pool.connect()
  await client.query(`SET TimeZone = 'UTC'`)
  const { rows } = await client.query(
    `SELECT relname || ' ' || pg_get_expr(relpartbound, pg_class.oid) AS line
       FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
      WHERE inhparent = 'check_entry'::regclass AND relname >= $1 ORDER BY 1`,
    [since],
  )
  client.release(true)
  return rows.map(({ line }) => line)
}
const insertAt = (time: string) =>
  pool.query(
    `INSERT INTO check_entry (website_id, "timestamp", response_time, http_status, regex)
     VALUES ('00000000-0000-4000-8000-000000000001', $1, 1, 200, '') RETURNING tableoid::regclass::text AS partition`,
    [time],
  )

test.each(['UTC', 'America/New_York', 'Asia/Kolkata', 'Australia/Lord_Howe'])(
  'partitions are days of UTC in a database of the time zone %s',
  async (zone) => {
    await asAdmin(`ALTER DATABASE ${database.database} SET TimeZone = '${zone}'`)
    await asAdmin(`ALTER DATABASE ${database.database} SET DateStyle = 'SQL, DMY'`)
    const later = openPool(database)
    await ensurePartitions(later, { logger, now, daysAhead: 3 })
    const query = vi.spyOn(later, 'connect')
    await ensurePartitions(later, { logger, now, daysAhead: 3 })
    expect(query, 'nothing was missing any more').toHaveBeenCalledTimes(1)
    await later.end()
    const line = (day: string, from: string, to: string) =>
      `check_entry_${day} FOR VALUES FROM ('${from} 00:00:00+00') TO ('${to} 00:00:00+00')`
    expect(await partitions('check_entry_2031')).toEqual([
      line('20311030', '2031-10-30', '2031-10-31'),
      line('20311031', '2031-10-31', '2031-11-01'),
      line('20311101', '2031-11-01', '2031-11-02'),
      line('20311102', '2031-11-02', '2031-11-03'),
    ])
  },
)

test('a day whose partition somebody detached, and kept under its name, gets another one', async () => {
  await ensurePartitions(pool, { logger, now, daysAhead: 0 })
  await pool.query('ALTER TABLE check_entry DETACH PARTITION check_entry_20311030')
  await ensurePartitionFor(pool, now, { logger })
  expect(logger.info).toHaveBeenLastCalledWith({ partitions: ['check_entry_20311030_2'] }, 'partitions made: 1')
})

test('31 days ahead are made by default', async () => {
  await ensurePartitions(pool, { logger, now })
  expect(await partitions('check_entry_2031')).toHaveLength(32)
})

test('a partition has the key, the defaults and the NOT NULL of the whole', async () => {
  await ensurePartitions(pool, { logger, now, daysAhead: 0 })
  const { rows } = await pool.query(
    `SELECT attname, attnotnull, pg_get_expr(adbin, adrelid) AS value, attrelid = 'check_entry'::regclass AS whole
       FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
      WHERE attrelid IN ('check_entry'::regclass, 'check_entry_20311030'::regclass) AND attnum > 0 ORDER BY attnum`,
  )
  const of = (whole: boolean) =>
    rows.filter((row) => row.whole === whole).map(({ attname, attnotnull, value }) => ({ attname, attnotnull, value }))
  expect(of(false)).toEqual(of(true))
  expect(of(false)).toHaveLength(19)
  const keys = await pool.query(
    `SELECT pg_get_constraintdef(oid) AS key
       FROM pg_constraint WHERE conrelid = 'check_entry_20311030'::regclass AND contype = 'p'`,
  )
  expect(keys.rows).toEqual([{ key: 'PRIMARY KEY (website_id, "timestamp", check_entry_id)' }])
})

test('two services make each partition once when they come at the same time', async () => {
  const other = openPool(database)
  await Promise.all([pool, other, pool, other].map((each) => ensurePartitions(each, { logger, now })))
  await other.end()
  expect(await partitions('check_entry_2031')).toHaveLength(32)
  expect(logger.info).toHaveBeenCalledTimes(1)
})

test('one SELECT is all when no partition is missing', async () => {
  await ensurePartitions(pool, { logger, now })
  const query = vi.spyOn(pool, 'query')
  const connect = vi.spyOn(pool, 'connect')
  await ensurePartitions(pool, { logger, now })
  await ensurePartitionFor(pool, now, { logger })
  expect(query).toHaveBeenCalledTimes(2)
  expect(connect).toHaveBeenCalledTimes(2)
})

test('an entry that comes late finds no partition, and gets one', async () => {
  const time = '2020-02-29T23:59:59.999Z'
  const error = await failure(insertAt(time))
  expect(isNoPartition(error)).toBe(true)
  await ensurePartitionFor(pool, new Date(time), { logger })
  expect((await insertAt(time)).rows).toEqual([{ partition: 'check_entry_20200229' }])
  expect((await insertAt('2020-02-29T00:00:00Z')).rows).toEqual([{ partition: 'check_entry_20200229' }])
  expect(isNoPartition(await failure(insertAt('2020-03-01T00:00:00Z')))).toBe(true)
})

test('other errors are not taken for a missing partition', async () => {
  expect(isNoPartition(await failure(pool.query(`UPDATE website SET interval = 0`)))).toBe(false)
  expect(isNoPartition(await failure(pool.query('SELECT 1/0')))).toBe(false)
  expect(isNoPartition(new Error('no partition of relation "check_entry" found for row'))).toBe(false)
})

test('readers and writers do not wait while partitions are made', async () => {
  await begin('SELECT count(*) FROM check_entry')
  await ensurePartitions(pool, { logger, now })
  await begin(`SET LOCAL lock_timeout = '1s';
               INSERT INTO check_entry (website_id, response_time, http_status, regex)
               VALUES (gen_random_uuid(), 1, 200, '')`)
  await ensurePartitions(pool, { logger, now, daysAhead: 40 })
  expect(logger.warn).not.toHaveBeenCalled()
  expect(await partitions('check_entry_2031')).toHaveLength(41)
})

test('a lock in the way is waited for, and its holder named', async () => {
  const holder = await begin(
    `SET LOCAL application_name = 'a long VACUUM'; LOCK TABLE check_entry IN SHARE UPDATE EXCLUSIVE MODE`,
  )
  const { rows } = await holder.query('SELECT pg_backend_pid() AS pid')
  const making = ensurePartitions(pool, { logger, now })
  await vi.waitFor(() => expect(logger.warn).toHaveBeenCalled(), { timeout: 10_000 })
  expect(logger.warn.mock.lastCall?.[1]).toMatch(
    new RegExp(
      `^making partitions waits for a lock held by pid ${rows[0].pid}, user webmon, application a long VACUUM, ` +
        'idle in transaction for \\d+ s; trying again in 0.5 s$',
    ),
  )
  await holder.query('ROLLBACK')
  await making
  expect(await partitions('check_entry_2031')).toHaveLength(32)
})

test('a role that may not make them gets one line that says what it needs', async () => {
  await asAdmin(`REVOKE CREATE ON SCHEMA public FROM PUBLIC`)
  await asAdmin(`CREATE ROLE "Reader ${database.database}" LOGIN PASSWORD 'reader'`)
  const reader = openPool({ ...database, user: `Reader ${database.database}`, password: 'reader' })
  await ensurePartitions(reader, { logger })
  const error = await failure(ensurePartitions(reader, { logger, now }))
  await reader.end()
  await asAdmin(`DROP ROLE "Reader ${database.database}"`)
  expect(error).toBeInstanceOf(MigrationError)
  const role = `"Reader ${database.database}"`
  expect(error.message).toBe(
    `role ${role} may not create tables in schema public; who may grant it can run: ` +
      `GRANT CREATE, USAGE ON SCHEMA public TO ${role}; ` +
      `role ${role} may not change public.check_entry, which belongs to webmon; its owner or a superuser can run: ` +
      `ALTER TABLE public.check_entry OWNER TO ${role}`,
  )
})

test('tables that are missing or not partitioned yet are told', async () => {
  await pool.query('DROP TABLE check_entry')
  expect((await failure(ensurePartitions(pool, { logger }))).message).toBe(
    'there is no table check_entry: start webmon with database.migrate: true',
  )
  await pool.query('CREATE TABLE check_entry ("timestamp" timestamptz)')
  expect((await failure(ensurePartitions(pool, { logger }))).message).toBe(
    'public.check_entry is not partitioned yet: start webmon once with database.migrate: true',
  )
})

test('a partition that another role of the same owner makes belongs to the owner', async () => {
  const [group, member] = [`group_${database.database}`, `member_${database.database}`]
  await asAdmin(`CREATE ROLE ${group}; CREATE ROLE ${member} LOGIN PASSWORD 'member'; GRANT ${group} TO ${member};
                 GRANT CREATE ON SCHEMA public TO ${group}; ALTER TABLE check_entry OWNER TO ${group}`)
  const other = openPool({ ...database, user: member, password: 'member' })
  await ensurePartitions(other, { logger, now, daysAhead: 0 })
  await other.end()
  const { rows } = await pool.query(
    `SELECT relowner::regrole::text AS owner FROM pg_class WHERE relname = 'check_entry_20311030'`,
  )
  await asAdmin(`REASSIGN OWNED BY ${group} TO webmon; DROP OWNED BY ${group}; DROP ROLE ${member}, ${group}`)
  expect(rows).toEqual([{ owner: group }])
})
