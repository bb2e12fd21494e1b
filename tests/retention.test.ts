import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { withClient } from '../local/databaseAddress.ts'
import { findPgBouncer, startPgBouncer } from '../local/pgbouncer.ts'
import { migrate } from '../src/database/migrations.ts'
import { ensurePartitionFor, ensurePartitions } from '../src/database/partitions.ts'
import { applyRetention, originalGoesAt, type Retention } from '../src/database/retention.ts'
import { until } from './helpers/services.ts'
import { TestDatabase } from './helpers/testDatabase.ts'

const logger = { info: vi.fn(), warn: vi.fn(), debug: vi.fn() }
const signal = new AbortController().signal
/** Far behind today, whose partitions come with the tables. */
const now = new Date('2021-03-15T12:00:00Z')
const all: Retention = { entryDays: 0, hourDays: 0, dayDays: 0 }
const warnings = () => logger.warn.mock.calls.map((call) => call.at(-1) as string)

let database: TestDatabase
beforeEach(async () => {
  vi.clearAllMocks()
  database = await TestDatabase.create()
})
afterEach(() => database.stop())

/** The tables, with partitions for these days. */
async function prepare(...days: string[]): Promise<void> {
  await migrate(database.pool, { logger })
  await ensurePartitionFor(
    database.pool,
    days.map((day) => new Date(day)),
    { logger },
  )
  vi.clearAllMocks()
}

const apply = (retention: Partial<Retention>, more: { patienceMs?: number; pool?: TestDatabase['pool'] } = {}) => {
  const { pool = database.pool, patienceMs = 20_000 } = more
  return applyRetention(pool, { ...all, ...retention }, { logger, signal, now, patienceMs })
}

/** What is left of the partitions made for a test, as tables: with those that are detached. */
async function left(): Promise<string[]> {
  const rows = await database.all<{ relname: string }>(
    `SELECT relname FROM pg_class WHERE relname ~ '^check_\\w+_20(20|21)\\d*$' AND relkind = 'r' ORDER BY relname`,
  )
  return rows.map(({ relname }) => relname)
}

const state = (partition: string) =>
  database.value<string>(
    `SELECT CASE WHEN inhrelid IS NULL THEN 'detached' WHEN inhdetachpending THEN 'detaching' ELSE 'attached' END
       FROM pg_class LEFT JOIN pg_inherits ON inhrelid = oid WHERE relname = $1`,
    [partition],
  )

/** A transaction as pg_dump's, that reads everything. */
async function readEverything() {
  const reader = await database.begin('SET TRANSACTION ISOLATION LEVEL REPEATABLE READ')
  for (const { name } of await database.all(`SELECT oid::regclass::text AS name FROM pg_class
      WHERE relname ~ '^check_(entry|hour|day)' AND relkind IN ('r', 'p')`))
    await reader.query(`LOCK TABLE ${name} IN ACCESS SHARE MODE`)
  await reader.query('SELECT count(*) FROM check_entry')
  return reader
}

describe('what is older than the retention goes', () => {
  test('by days for the entries, by months for hours and days, each with a limit of its own', async () => {
    await prepare('2020-01-31', '2020-12-31', '2021-01-01', '2021-03-04', '2021-03-05', '2021-03-06')
    const rollups = (table: string) => ['202001', '202012', '202101', '202103'].map((month) => `${table}_${month}`)
    // 2021-03-05 12:00 is the limit: that day holds younger ones.
    await apply({ entryDays: 10 })
    expect(await left()).toEqual([
      ...rollups('check_day'),
      'check_entry_20210305',
      'check_entry_20210306',
      ...rollups('check_hour'),
    ])
    await apply({ hourDays: 60 })
    expect(await left()).toEqual([
      ...rollups('check_day'),
      'check_entry_20210305',
      'check_entry_20210306',
      'check_hour_202101',
      'check_hour_202103',
    ])
    await apply({ dayDays: 365 })
    expect((await left()).filter((name) => name.startsWith('check_day'))).toEqual(rollups('check_day').slice(1))
    expect(warnings()).toEqual([])
    expect(logger.info.mock.calls.map((call) => call.at(-1))).toContain(
      'check_entry_20201231 dropped, older than the retention',
    )
  })

  test('and nothing where none is set', async () => {
    await prepare('2020-01-31')
    await database.pool.query(
      `INSERT INTO dead_letter (topic, partition, "offset", "timestamp", reason, stored)
       VALUES ('webmon', 0, 0, now(), 'old', '2020-01-01')`,
    )
    await apply({})
    expect(await left()).toEqual(['check_day_202001', 'check_entry_20200131', 'check_hour_202001'])
    expect(await database.value('SELECT count(*)::integer FROM dead_letter')).toBe(1)
  })

  test('dead letters too, with the entries', async () => {
    await prepare()
    await database.pool.query(
      `INSERT INTO dead_letter (topic, partition, "offset", "timestamp", reason, stored)
       SELECT 'webmon', 0, n, now(), 'nothing', now() - interval '10 days' + (n - 25000.5) * interval '1 hour'
         FROM generate_series(1, 25010) AS n`,
    )
    await applyRetention(database.pool, { ...all, entryDays: 10 }, { logger, signal })
    expect(await database.value('SELECT min("offset")::integer FROM dead_letter')).toBe(25_001)
  })

  test('the rows of the original only when entries have a limit, all at once, on a day that is told', async () => {
    const original = await readFile(path.join(import.meta.dirname, 'data/original-database.sql'), 'utf8')
    await withClient(database.address, (client) => client.query(original))
    await migrate(database.pool, { logger })
    const entries = () => database.value('SELECT count(*)::integer FROM check_entry')
    const end = await database.value<Date>(
      `SELECT (regexp_match(pg_get_expr(relpartbound, oid), 'TO \\(''(.+)''\\)'))[1]::timestamptz
         FROM pg_class WHERE relname = 'check_entry_original'`,
    )
    const goes = new Date(end.getTime() + 90 * 86_400_000)
    expect(await originalGoesAt(database.pool, { ...all, hourDays: 1 })).toBe(undefined)
    expect(await originalGoesAt(database.pool, { ...all, entryDays: 90 })).toEqual(goes)

    const at = (now: Date, retention: Retention) => applyRetention(database.pool, retention, { logger, signal, now })
    await at(new Date(goes.getTime() + 1e12), { ...all, hourDays: 20_000, dayDays: 20_000 })
    await at(new Date(goes.getTime() - 1), { ...all, entryDays: 90 })
    expect(await entries()).toBe(202)
    await at(goes, { ...all, entryDays: 90 })
    expect(await entries()).toBe(0)
    expect(logger.info.mock.calls.map((call) => call.at(-1))).toContain(
      'the rows of the original are gone: check_entry_original dropped, older than the retention',
    )
    expect(await originalGoesAt(database.pool, { ...all, entryDays: 90 })).toBe(undefined)
  })
})

describe('a partition that somebody else has a hand in', () => {
  test('stays when it was detached by hand', async () => {
    await prepare('2020-12-30', '2020-12-31')
    await database.pool.query('ALTER TABLE check_entry DETACH PARTITION check_entry_20201230')
    await apply({ entryDays: 10 })
    expect((await left()).filter((name) => name.startsWith('check_entry'))).toEqual(['check_entry_20201230'])
    expect(warnings()).toEqual([])
  })

  test('stays when it is being detached by hand, and a line says how to go on', async () => {
    await prepare('2020-12-30', '2020-12-31')
    const reader = await readEverything()
    const client = await database.begin(`COMMIT; SET statement_timeout = 200`)
    await expect(
      client.query('ALTER TABLE check_entry DETACH PARTITION check_entry_20201231 CONCURRENTLY'),
    ).rejects.toThrow('statement timeout')
    await reader.query('COMMIT')
    for (let times = 0; times < 2; times++) await apply({ entryDays: 10 })
    expect(await state('check_entry_20201231')).toBe('detaching')
    expect(warnings()[0]).toBe(
      'somebody else has begun to detach check_entry_20201231, until then no other goes; to end it: ' +
        'ALTER TABLE public.check_entry DETACH PARTITION public.check_entry_20201231 FINALIZE',
    )
    await client.query('ALTER TABLE check_entry DETACH PARTITION check_entry_20201231 FINALIZE')
    await apply({ entryDays: 10 })
    expect((await left()).filter((name) => name.startsWith('check_entry'))).toEqual(['check_entry_20201231'])
  })

  test('stays when it is detached by hand after we could not, and after the limit was raised', async () => {
    await prepare('2020-12-30', '2020-12-31')
    const vacuum = await database.begin('LOCK TABLE check_entry IN SHARE UPDATE EXCLUSIVE MODE')
    await apply({ entryDays: 10 }, { patienceMs: 100 })
    expect(warnings()).toEqual(['check_entry_20201230 cannot be dropped yet: it is being read'])
    await vacuum.query('COMMIT')
    await database.pool.query('ALTER TABLE check_entry DETACH PARTITION check_entry_20201230')
    // Marked by one that crashed then.
    const mark = 'webmon: older than database.retention, to be dropped'
    await database.pool.query(`COMMENT ON TABLE check_entry_20201231 IS '${mark}'`)
    await apply({ entryDays: 1000 })
    await database.pool.query('ALTER TABLE check_entry DETACH PARTITION check_entry_20201231')
    await apply({ entryDays: 10 })
    expect((await left()).filter((name) => name.startsWith('check_entry'))).toEqual([
      'check_entry_20201230',
      'check_entry_20201231',
    ])
  })

  test('of a table that belongs to another role is told in one line', async () => {
    const [owner, member] = [await database.makeRole('owner'), await database.makeRole('member', `LOGIN PASSWORD 'm'`)]
    await prepare('2020-12-30', '2020-12-31')
    await database.asAdmin(
      `ALTER TABLE check_entry OWNER TO ${owner}; GRANT SELECT, DELETE ON dead_letter TO ${member}`,
    )
    const pool = database.another({ ...database.address, user: member, password: 'm' })
    await apply({ entryDays: 10 }, { pool })
    expect(warnings()).toEqual([
      `public.check_entry has partitions older than the retention, which only ${owner} may drop`,
    ])
  })
})

describe('what could not be ended is ended the next time:', () => {
  test('after a crash between DETACH and DROP', async () => {
    await prepare('2020-12-31')
    await database.asAdmin(
      `CREATE FUNCTION slow() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(60); END';
       CREATE EVENT TRIGGER slow ON ddl_command_start WHEN tag IN ('DROP TABLE') EXECUTE FUNCTION slow()`,
    )
    const service = database.another()
    const crashed = apply({ entryDays: 10 }, { pool: service })
    const sleeping = `FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'`
    await until(() => database.value<boolean>(`SELECT count(*) > 0 ${sleeping}`))
    await database.asAdmin(`SELECT pg_terminate_backend(pid) ${sleeping}`)
    await crashed
    await database.asAdmin('DROP EVENT TRIGGER slow')
    expect(await state('check_entry_20201231')).toBe('detached')
    await apply({ entryDays: 10 })
    expect((await left()).filter((name) => name.startsWith('check_entry'))).toEqual([])
  })

  test('a detach that waits for a reader, which sees all of it until its end, and nobody else anything', async () => {
    await prepare('2020-12-30', '2020-12-31')
    for (const day of ['2020-12-30', '2020-12-31'])
      await database.pool.query(
        `INSERT INTO check_entry (website_id, "timestamp", response_time, http_status, regex)
         VALUES (gen_random_uuid(), '${day}', 1, 200, '')`,
      )
    const reader = await readEverything()
    await apply({ entryDays: 10, hourDays: 10 }, { patienceMs: 300 })
    expect(await state('check_entry_20201230')).toBe('detaching')
    expect(await state('check_hour_202012')).toBe('detaching')
    expect(await state('check_entry_20201231')).toBe('attached')
    const count = 'SELECT count(*)::integer FROM check_entry'
    expect((await reader.query(count)).rows).toEqual([{ count: 2 }])
    expect(await database.value(count)).toBe(1)
    // As long as the reader is there, no other time goes further.
    await apply({ entryDays: 10 }, { patienceMs: 300 })
    expect(await state('check_entry_20201230')).toBe('detaching')
    expect((await reader.query(count)).rows).toEqual([{ count: 2 }])
    const warning = (partition: string) => `${partition} cannot be dropped yet: it is being read`
    expect(new Set(warnings())).toEqual(new Set(['check_entry_20201230', 'check_hour_202012'].map(warning)))
    // And partitions are made all the same.
    await ensurePartitions(database.pool, { logger, daysAhead: 40 })
    await reader.query('COMMIT')
    await apply({ entryDays: 10 })
    expect((await left()).filter((name) => name.startsWith('check_entry'))).toEqual([])
  })

  test('a drop that waits for somebody who reads the detached table', async () => {
    await prepare('2020-12-31')
    const mark = 'webmon: older than database.retention, to be dropped'
    await database.pool.query(
      `ALTER TABLE check_entry DETACH PARTITION check_entry_20201231; COMMENT ON TABLE check_entry_20201231 IS '${mark}'`,
    )
    const reader = await database.begin('SELECT count(*) FROM check_entry_20201231')
    await apply({ entryDays: 10 })
    expect(warnings()).toEqual(['check_entry_20201231 cannot be dropped yet: it is being read'])
    await reader.query('COMMIT')
    await apply({ entryDays: 10 })
    expect((await left()).filter((name) => name.startsWith('check_entry'))).toEqual([])
  })
})

test('services side by side drop and make partitions once', async () => {
  const days = Array.from({ length: 12 }, (_, n) => new Date(Date.UTC(2020, 11, 1 + n)).toISOString())
  await prepare(...days)
  const pools = [database.pool, database.another(), database.another()]
  await Promise.all(
    pools.flatMap((pool) => [
      apply({ entryDays: 10, hourDays: 10, dayDays: 10 }, { pool }),
      ensurePartitions(pool, { logger, daysAhead: 40 }),
    ]),
  )
  expect(await left()).toEqual([])
  const dropped = logger.info.mock.calls.map(([fields]) => fields.partition).filter(Boolean)
  expect(dropped).toHaveLength(14)
  expect(new Set(dropped).size).toBe(14)
})

describe.skipIf(findPgBouncer() === undefined)('through PgBouncer in transaction mode, with two connections,', () => {
  test('partitions go, a reader is waited for in vain, and nothing is left behind in the connections', async () => {
    await prepare('2020-12-30', '2020-12-31')
    const bouncer = await startPgBouncer({ database: database.address, poolSize: 2 })
    database.onStop(() => bouncer.stop())
    const pool = database.another(bouncer.database)
    const reader = await readEverything()
    await apply({ entryDays: 10 }, { pool, patienceMs: 300 })
    expect(warnings()).toEqual(['check_entry_20201230 cannot be dropped yet: it is being read'])
    await reader.query('COMMIT')
    await apply({ entryDays: 10 }, { pool })
    expect((await left()).filter((name) => name.startsWith('check_entry'))).toEqual([])
    const settings = `SELECT current_setting('lock_timeout') AS lock, current_setting('statement_timeout') AS statement,
                             (SELECT count(*)::integer FROM pg_locks WHERE locktype = 'advisory') AS locks, pg_sleep(0.2)`
    const answers = await Promise.all([pool.query(settings), database.another(bouncer.database).query(settings)])
    for (const { rows } of answers) expect(rows[0]).toMatchObject({ lock: '0', statement: '0', locks: 0 })
  })
})

test('a stop ends a detach that waits, on the server too', async () => {
  await prepare('2020-12-31')
  await readEverything()
  const stopping = new AbortController()
  const pool = database.another()
  const applying = expect(
    applyRetention(pool, { ...all, entryDays: 10 }, { logger, signal: stopping.signal, now }),
  ).rejects.toThrow()
  const detaching = `SELECT count(*)::integer FROM pg_stat_activity
                      WHERE datname = current_database() AND query LIKE '%DETACH%CONCURRENTLY%' AND state = 'active'
                        AND pid <> pg_backend_pid()`
  await until(async () => (await database.value(detaching)) === 1)
  stopping.abort()
  await applying
  // A backend tells of its end a moment before it is done.
  await until(async () => (await database.value(detaching)) === 0)
})
