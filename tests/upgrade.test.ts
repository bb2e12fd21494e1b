import { readFile } from 'node:fs/promises'
import path from 'node:path'
import type pg from 'pg'
import { afterEach, beforeEach, describe, expect, inject, test, vi } from 'vitest'
import { connect, type DatabaseAddress, parseDatabaseUrl, withClient } from '../local/databaseAddress.ts'
import { findPgBouncer, startPgBouncer } from '../local/pgbouncer.ts'
import { MigrationError, migrate } from '../src/database/migrations.ts'
import { ensurePartitions } from '../src/database/partitions.ts'
import { createDatabase, openPool } from './helpers/stack.ts'

const logger = { info: vi.fn(), warn: vi.fn(), debug: vi.fn() }
const dump = await readFile(path.join(import.meta.dirname, 'data/original-database.sql'), 'utf8')
const day = 86_400_000

let database: DatabaseAddress
let pool: pg.Pool
const undo: (() => Promise<unknown>)[] = []

beforeEach(async () => {
  vi.clearAllMocks()
  database = await createDatabase()
  await withClient(database, (client) => client.query(dump))
  pool = openPool(database)
})

afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step()
  await pool.end()
})

const asAdmin = (sql: string) =>
  withClient({ ...parseDatabaseUrl(inject('databaseMaker')), database: database.database }, (client) =>
    client.query(sql),
  )

async function makeRole(name: string, rest = ''): Promise<string> {
  const role = `${name}_${database.database}`
  await asAdmin(`CREATE ROLE ${role} ${rest}`)
  undo.push(() => asAdmin(`REASSIGN OWNED BY ${role} TO postgres; DROP OWNED BY ${role}; DROP ROLE ${role}`))
  return role
}

/** A connection with an open transaction. */
async function begin(sql: string): Promise<pg.Client> {
  const client = await connect(database)
  undo.push(() => client.end())
  await client.query(`BEGIN; ${sql}`)
  return client
}

const all = async (sql: string) => (await pool.query(sql)).rows
const value = async <T = unknown>(sql: string) => Object.values((await all(sql))[0])[0] as T
const failure = (promise: Promise<unknown>) =>
  promise.then(
    () => expect.unreachable('it should have failed'),
    (error: unknown) => error as Error,
  )
const originalRows = () =>
  all(`SELECT check_entry_id, website_id, extract(epoch FROM "timestamp") AS time, response_time, http_status, regex,
              regex_match
         FROM check_entry ORDER BY check_entry_id`)
const originalWebsites = () =>
  all(
    `SELECT website_id, name, url, regex, status, extract(epoch FROM "timestamp") AS time
       FROM website ORDER BY website_id`,
  )
/** Everything in the schema, by identity: two equal ones mean that nothing was touched. */
const catalog = () =>
  all(`SELECT pg_class.oid, relname, relkind, relowner, relacl, reloptions, relfilenode,
              (SELECT json_agg(pg_attribute ORDER BY attnum) FROM pg_attribute WHERE attrelid = pg_class.oid) AS columns
         FROM pg_class WHERE relnamespace = 'public'::regnamespace ORDER BY relname`)
/** RFC 9562, section 5.1: 100 ns since 1582-10-15. */
const secondsIn = (id: string) =>
  Number(BigInt(`0x${id.slice(15, 18)}${id.slice(9, 13)}${id.slice(0, 8)}`) - 122_192_928_000_000_000n) / 1e7
const insertAsOriginal = (client: pg.Pool | pg.ClientBase = pool, websiteId = 'c0de0000-0000-11eb-8d4f-000000000001') =>
  client.query(
    `insert into check_entry(website_id, response_time, http_status, regex, regex_match)
     values ('${websiteId}', 12, 200, 'Hello', true)
     RETURNING check_entry_id, timestamp`,
  )

describe('rows', () => {
  test.each(['UTC', 'America/New_York', 'Asia/Kolkata', 'Australia/Lord_Howe'])(
    'are all kept as they were in a database of the time zone %s',
    async (zone) => {
      await asAdmin(`ALTER DATABASE ${database.database} SET TimeZone = '${zone}'`)
      await pool.end()
      pool = openPool(database)
      const [rows, websites] = [await originalRows(), await originalWebsites()]
      expect([rows.length, websites.length]).toEqual([202, 119])
      await migrate(pool, { logger })
      expect(await originalRows()).toEqual(rows)
      expect(await originalWebsites()).toEqual(websites)
      expect(
        await value(`SELECT count(*)::integer FROM check_entry_original WHERE error IS NULL AND NOT recheck`),
      ).toBe(202)
      const bound = await value(
        `SELECT (regexp_match(pg_get_expr(relpartbound, oid), 'FROM \\(MINVALUE\\) TO \\(''(.+)''\\)'))[1]::timestamptz
           FROM pg_class WHERE relname = 'check_entry_original'`,
      )
      const newest = Math.max(Date.now(), ...rows.map(({ time }) => time * 1000))
      expect((bound as Date).getTime()).toBe((Math.floor(newest / day) + 1) * day)
      // From there on the days go on without a gap.
      await insertAsOriginal()
      for (let ahead = 0; ahead <= 31; ahead++) {
        await pool.query(`INSERT INTO check_entry (website_id, "timestamp", response_time, http_status, regex)
                          VALUES (gen_random_uuid(), now() + ${ahead} * interval '24 hours', 1, 200, '')`)
      }
      await ensurePartitions(pool, { logger })
      expect(logger.warn).not.toHaveBeenCalled()
    },
  )

  test('without a time get the one inside their version 1 id', async () => {
    const lost = await all(
      `UPDATE check_entry SET "timestamp" = NULL
        WHERE check_entry_id IN (SELECT check_entry_id FROM check_entry ORDER BY check_entry_id LIMIT 150)
       RETURNING check_entry_id`,
    )
    await migrate(pool, { logger })
    const after = new Map((await originalRows()).map(({ check_entry_id, time }) => [check_entry_id, Number(time)]))
    expect(lost).toHaveLength(150)
    for (const { check_entry_id: id } of lost) expect(after.get(id), id).toBeCloseTo(secondsIn(id), 5)
  })

  test('without any time at all become the oldest, never the newest', async () => {
    const ids = ['00000000-0000-4000-8000-000000000001', 'ffffffff-ffff-1fff-8000-000000000001']
    for (const id of ids) {
      await pool.query(`INSERT INTO check_entry VALUES ('${id}', gen_random_uuid(), NULL, 1, 200, '', true)`)
    }
    const oldest = await value('SELECT min("timestamp") FROM check_entry')
    await migrate(pool, { logger })
    const times = await all(`SELECT "timestamp" FROM check_entry WHERE check_entry_id IN ('${ids.join("','")}')`)
    expect(times).toEqual([{ timestamp: oldest }, { timestamp: oldest }])
  })

  test('of the future move the first day partition behind them', async () => {
    await pool.query(`UPDATE check_entry SET "timestamp" = now() + interval '3 days' WHERE http_status = 404`)
    await migrate(pool, { logger })
    const first = new Date((Math.floor(Date.now() / day) + 4) * day).toISOString().slice(0, 10).replaceAll('-', '')
    expect(await value(`SELECT min(relname) FROM pg_class WHERE relname ~ '^check_entry_2\\d{7}$'`)).toBe(
      `check_entry_${first}`,
    )
  })

  test('at infinity stop the upgrade', async () => {
    await pool.query(`UPDATE check_entry SET "timestamp" = 'infinity' WHERE http_status = 404`)
    const before = await catalog()
    expect((await failure(migrate(pool, { logger }))).message).toBe(
      `public.check_entry holds rows with "timestamp" = 'infinity': correct them; nothing was changed`,
    )
    expect(await catalog()).toEqual(before)
  })

  test('in columns that somebody added are kept, and new rows have the column too', async () => {
    await pool.query(
      `ALTER TABLE check_entry ADD COLUMN note varchar(20) COLLATE "C" DEFAULT 'none';
       CREATE INDEX by_note ON check_entry (note)`,
    )
    await pool.query(`UPDATE check_entry SET note = 'mine' WHERE http_status = 404`)
    await migrate(pool, { logger })
    await insertAsOriginal()
    await ensurePartitions(pool, { logger, daysAhead: 40 })
    expect(await all('SELECT note, count(*)::integer FROM check_entry GROUP BY note ORDER BY note')).toEqual([
      { note: 'mine', count: 2 },
      { note: 'none', count: 201 },
    ])
    expect(logger.warn.mock.lastCall?.[1]).toBe('of the old rows alone, new ones go without: index by_note')
  })
})

describe('after the upgrade', () => {
  test('the statements of the original go on working', async () => {
    await migrate(pool, { logger })
    const { rows } = await insertAsOriginal()
    expect(Math.abs(rows[0].timestamp - Date.now())).toBeLessThan(60_000)
    const id = await value(
      `insert into website(name, url, regex, status) values ('new', 'http://new.example/', 'x', 'unknown')
       RETURNING website_id`,
    )
    await pool.query(`update website set name='n', url='u', regex='r', status='active' where website_id = '${id}'`)
    expect(await all(`select website_id, name, url, regex, status from website where website_id = '${id}'`)).toEqual([
      { website_id: id, name: 'n', url: 'u', regex: 'r', status: 'active' },
    ])
    await pool.query(`INSERT INTO website (name, url) VALUES ('short', 'http://short.example/')`)
    expect(await all(`SELECT regex, status FROM website WHERE name = 'short'`)).toEqual([
      { regex: '', status: 'unknown' },
    ])
  })

  test('there are no sample websites among those of the user', async () => {
    await migrate(pool, { logger })
    expect(await value('SELECT count(*)::integer FROM website')).toBe(119)
  })

  test('entries of any earlier day have their place', async () => {
    await migrate(pool, { logger })
    expect(
      await value(`INSERT INTO check_entry (website_id, "timestamp", response_time, http_status, regex)
                   VALUES (gen_random_uuid(), '2020-01-01', 1, 200, '') RETURNING tableoid::regclass::text`),
    ).toBe('check_entry_original')
  })
})

describe('grants and owners', () => {
  const grants = (table: string) =>
    all(`SELECT privilege_type, grantor::regrole,
                CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::regrole::text END AS grantee,
                is_grantable, NULL AS column
           FROM pg_class, aclexplode(coalesce(relacl, acldefault('r', relowner))) WHERE oid = '${table}'::regclass
         UNION ALL
         SELECT privilege_type, grantor::regrole, grantee::regrole::text, is_grantable, attname
           FROM pg_attribute, aclexplode(attacl) WHERE attrelid = '${table}'::regclass
          ORDER BY 3, 1, 5`)

  test('are the same as before, whatever default privileges say', async () => {
    const [reader, writer] = [await makeRole('reader'), await makeRole('writer')]
    await pool.query(`GRANT SELECT ON check_entry TO ${reader}, PUBLIC;
                      GRANT INSERT, UPDATE ON check_entry TO ${writer} WITH GRANT OPTION;
                      GRANT UPDATE (regex) ON check_entry TO ${reader}; GRANT SELECT ON website TO ${reader};
                      REVOKE TRUNCATE ON check_entry FROM webmon;
                      ALTER DEFAULT PRIVILEGES GRANT DELETE ON TABLES TO ${reader}`)
    const before = [await grants('check_entry'), await grants('website')]
    await migrate(pool, { logger })
    expect([await grants('check_entry'), await grants('website')]).toEqual(before)
    expect(before[0]).toHaveLength(
      await value<number>(`SELECT CASE WHEN current_setting('server_version_num')::int >= 170000 THEN 12 ELSE 11 END`),
    )
  })

  test('stay with a group that the role is only a member of', async () => {
    const group = await makeRole('group')
    await asAdmin(`GRANT ${group} TO webmon; GRANT CREATE ON SCHEMA public TO ${group};
                   ALTER TABLE check_entry OWNER TO ${group}; ALTER TABLE website OWNER TO ${group}`)
    await migrate(pool, { logger })
    const owners = await all(
      `SELECT DISTINCT relowner::regrole::text AS owner
         FROM pg_class WHERE relname ~ '^(website|check_entry)' AND relkind IN ('r', 'p')`,
    )
    expect(owners).toEqual([{ owner: group }])
    await insertAsOriginal()
  })
})

describe('views', () => {
  test('read the new rows too, with owner, grants, options and whatever reads them in turn', async () => {
    const [reader, analyst] = [await makeRole('reader'), await makeRole('analyst')]
    await asAdmin(`GRANT ${analyst} TO webmon; GRANT CREATE ON SCHEMA public TO ${analyst}`)
    await pool.query(`
      CREATE VIEW "plain View" AS SELECT * FROM check_entry;
      CREATE VIEW guarded WITH (security_barrier, check_option = cascaded) AS
        SELECT check_entry_id AS id, website_id, "timestamp", response_time, http_status, regex
          FROM check_entry WHERE http_status < 1000;
      CREATE VIEW upon AS SELECT name, count(g.id)::integer AS checks, max(response_time) OVER () AS most
        FROM website JOIN guarded g USING (website_id) GROUP BY name, response_time;
      CREATE VIEW counts AS
        SELECT (SELECT count(*) FROM "plain View")::integer AS a, (SELECT count(*) FROM check_entry)::integer AS b;
      CREATE VIEW since AS SELECT count(*)::integer FROM check_entry WHERE "timestamp" > '2026-01-01 00:00:00+05:30';
      CREATE MATERIALIZED VIEW cached AS SELECT count(*)::integer FROM upon;
      COMMENT ON VIEW guarded IS 'guarded';
      GRANT SELECT, INSERT ON guarded TO ${reader}; GRANT SELECT (a) ON counts TO ${reader};
      ALTER VIEW since OWNER TO ${analyst}; GRANT SELECT ON check_entry TO ${analyst}`)
    const describeViews = () =>
      all(`SELECT relname, relowner::regrole, relacl, reloptions, pg_get_viewdef(oid) AS definition,
                  obj_description(oid) AS comment,
                  (SELECT json_agg(attacl) FROM pg_attribute WHERE attrelid = pg_class.oid) AS grants
             FROM pg_class WHERE relkind IN ('v', 'm') AND relnamespace = 'public'::regnamespace ORDER BY relname`)
    const before = await describeViews()
    await migrate(pool, { logger })
    expect(await describeViews()).toEqual(before)
    await insertAsOriginal()
    expect(await all('SELECT a, b FROM counts')).toEqual([{ a: 203, b: 203 }])
    expect(await value('SELECT sum(checks)::integer FROM upon')).toBe(203)
    expect(await value('SELECT count FROM since')).toBe(203)
    await pool.query('REFRESH MATERIALIZED VIEW cached')
    await pool.query(`INSERT INTO guarded VALUES (gen_random_uuid(), gen_random_uuid(), now(), 1, 200, '')`)
    expect(
      await failure(
        pool.query(`INSERT INTO guarded VALUES (gen_random_uuid(), gen_random_uuid(), now(), 1, 2000, '')`),
      ),
    ).toMatchObject({ code: '44000' })
  })
})

describe('what the upgrade would break stops it by name, and nothing is changed:', () => {
  test.each([
    [
      'a materialized view',
      'CREATE MATERIALIZED VIEW daily AS SELECT count(*) FROM check_entry',
      'materialized view public.daily',
    ],
    [
      'a foreign key to check_entry',
      'CREATE TABLE note (id uuid CONSTRAINT of_entry REFERENCES check_entry)',
      'table constraint of_entry on public.note',
    ],
    [
      'a foreign key of check_entry',
      'ALTER TABLE check_entry ADD CONSTRAINT of_website FOREIGN KEY (website_id) REFERENCES website',
      'table constraint of_website on public.check_entry',
    ],
    [
      'a rule on check_entry',
      'CREATE RULE keep AS ON DELETE TO check_entry DO INSTEAD NOTHING',
      'rule keep on public.check_entry',
    ],
    [
      'a rule elsewhere that writes to check_entry',
      'CREATE RULE copy AS ON INSERT TO website DO ALSO DELETE FROM check_entry',
      'rule copy on public.website',
    ],
    [
      'a trigger',
      `CREATE FUNCTION audit() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
      CREATE TRIGGER audit AFTER INSERT ON check_entry FOR EACH ROW EXECUTE FUNCTION audit()`,
      'trigger audit on public.check_entry',
    ],
    ['a publication', 'CREATE PUBLICATION "To Us" FOR TABLE check_entry', 'publication "To Us"'],
    ['a policy', 'CREATE POLICY mine ON check_entry USING (true)', 'policy mine on public.check_entry'],
    [
      'row level security',
      'ALTER TABLE check_entry ENABLE ROW LEVEL SECURITY',
      'row level security of public.check_entry',
    ],
    [
      'a function that is bound to the table',
      'CREATE FUNCTION amount() RETURNS bigint BEGIN ATOMIC SELECT count(*) FROM check_entry; END',
      'function public.amount()',
    ],
    [
      'a function that is bound to its row type',
      'CREATE FUNCTION entries() RETURNS SETOF check_entry LANGUAGE sql AS $$ SELECT * FROM check_entry $$',
      'function public.entries()',
    ],
    ['a table that inherits', 'CREATE TABLE older () INHERITS (check_entry)', 'table public.older'],
    ['a view of whole rows', 'CREATE VIEW wrapped AS SELECT c AS entry FROM check_entry AS c', 'view public.wrapped'],
    [
      'a view that relies on the old key',
      'CREATE VIEW per_entry AS SELECT check_entry_id, regex, count(*) FROM check_entry GROUP BY check_entry_id',
      'view public.per_entry',
    ],
    [
      'an identity column',
      'ALTER TABLE check_entry ADD COLUMN n bigint GENERATED ALWAYS AS IDENTITY',
      'generated column n, sequence public.check_entry_n_seq',
    ],
  ])('%s', async (_, sql, name) => {
    await pool.query(sql)
    const before = await catalog()
    const error = await failure(migrate(pool, { logger }))
    expect(error).toBeInstanceOf(MigrationError)
    expect(error.message).toBe(
      `public.check_entry becomes a partitioned table, which these do not survive: ${name}; ` +
        'drop them, start webmon, then make them anew on the upgraded table; nothing was changed',
    )
    expect(await catalog()).toEqual(before)
    expect(await value('SELECT count(*)::integer FROM check_entry')).toBe(202)
  })

  test('a view that belongs to somebody else', async () => {
    const stranger = await makeRole('stranger')
    await pool.query(`GRANT SELECT ON check_entry TO ${stranger}`)
    await asAdmin(
      `CREATE VIEW report AS SELECT * FROM check_entry; ALTER VIEW report OWNER TO ${stranger};
       CREATE VIEW a AS SELECT * FROM report`,
    )
    expect((await failure(migrate(pool, { logger }))).message).toContain(
      `do not survive: view public.report (which belongs to ${stranger}); drop them,`,
    )
  })

  test.each([
    [
      'a column of another type',
      'ALTER TABLE check_entry ALTER COLUMN http_status TYPE integer, ALTER COLUMN regex TYPE text',
      "public.check_entry has columns of other types than the original's: " +
        'ALTER TABLE public.check_entry ALTER COLUMN http_status TYPE smallint; ' +
        'ALTER TABLE public.check_entry ALTER COLUMN regex TYPE character varying; nothing was changed',
    ],
    [
      'a column of our name',
      'ALTER TABLE website ADD COLUMN tags text',
      'migration 0001_tables failed, nothing was changed: column "tags" of relation "website" already exists',
    ],
    [
      'a table of the name that the old one is to get',
      'CREATE TABLE check_entry_original ()',
      'public.check_entry is to be renamed to check_entry_original, which exists: rename that one; nothing was changed',
    ],
    [
      'rows without a value that each must have',
      'ALTER TABLE check_entry ALTER COLUMN regex DROP NOT NULL; UPDATE check_entry SET regex = NULL',
      'upgrading public.check_entry failed, nothing was changed: ' +
        'column "regex" of relation "check_entry_original" contains null values',
    ],
  ])('%s', async (_, sql, message) => {
    await pool.query(sql)
    const before = await catalog()
    expect((await failure(migrate(pool, { logger }))).message).toBe(message)
    expect(await catalog()).toEqual(before)
  })
})

describe('beside others', () => {
  test('services that start together upgrade once', async () => {
    const pools = [openPool(database), openPool(database), openPool(database)]
    await Promise.all(pools.map((each) => migrate(each, { logger })))
    await Promise.all(pools.map((each) => each.end()))
    expect(logger.info.mock.calls.filter(([, message]) => message === 'migration 0001_tables applied')).toHaveLength(1)
    expect(await value('SELECT count(*)::integer FROM check_entry')).toBe(202)
  })

  test('no row of a client that goes on inserting is lost, no reader of a view fails', async () => {
    await pool.query(
      `CREATE VIEW inner_view AS SELECT * FROM check_entry;
       CREATE VIEW outer_view AS SELECT count(*) FROM inner_view JOIN website USING (website_id)`,
    )
    // Long enough that many find it locked.
    await pool.query(`INSERT INTO check_entry (website_id, response_time, http_status, regex)
                      SELECT gen_random_uuid(), n, 200, 'Hello' FROM generate_series(1, 100000) AS n`)
    const others = openPool(database)
    let [going, inserted, read] = [true, 0, 0]
    const work = [
      ...Array.from({ length: 2 }, async () => {
        for (; going; inserted++) await insertAsOriginal(others)
      }),
      (async () => {
        for (; going; read++) await others.query('SELECT * FROM outer_view')
      })(),
    ]
    await vi.waitFor(() => expect(Math.min(inserted, read)).toBeGreaterThan(2), { timeout: 10_000 })
    await migrate(pool, { logger })
    const [duringInserts, duringReads] = [inserted, read]
    await vi.waitFor(() => expect(inserted > duringInserts + 10 && read > duringReads + 2).toBe(true), {
      timeout: 10_000,
    })
    going = false
    await Promise.all(work)
    await others.end()
    expect(await value('SELECT count(*)::integer FROM check_entry')).toBe(100_202 + inserted)
  })

  test('a transaction that holds a table is named, and holds nobody else up meanwhile', async () => {
    await pool.query('CREATE VIEW v AS SELECT * FROM check_entry')
    const reader = await begin('SELECT count(*) FROM v')
    const migrating = migrate(pool, { logger })
    await vi.waitFor(() => expect(logger.warn).toHaveBeenCalled(), { timeout: 10_000 })
    expect(logger.warn.mock.lastCall?.[1]).toMatch(
      /^migrating waits for a lock held by pid \d+, user webmon, idle in transaction for \d+ s; trying again in 0.5 s$/,
    )
    const started = Date.now()
    await insertAsOriginal()
    // The lock is waited for two seconds at a time.
    expect(Date.now() - started).toBeLessThan(4_000)
    await reader.query('COMMIT')
    await migrating
    expect(await value('SELECT count(*)::integer FROM check_entry')).toBe(203)
  })

  test('a long upgrade says how far it is, and a stop ends it at once, on the server too', async () => {
    await asAdmin(`CREATE FUNCTION slow() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(60); END';
                   CREATE EVENT TRIGGER slow ON ddl_command_start WHEN tag IN ('ALTER TABLE') EXECUTE FUNCTION slow()`)
    const before = await catalog()
    const service = openPool(database)
    const stopping = new AbortController()
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
    const migrating = failure(migrate(service, { logger, signal: stopping.signal }))
    await vi.waitFor(async () =>
      expect(await value(`SELECT count(*)::integer FROM pg_stat_activity WHERE wait_event = 'PgSleep'`)).toBe(1),
    )
    vi.advanceTimersByTime(10_000)
    vi.useRealTimers()
    await vi.waitFor(() =>
      expect(logger.info.mock.lastCall?.[1]).toMatch(/^upgrading check_entry: reading the times, \d+ s$/),
    )
    stopping.abort()
    expect((await migrating).name).toBe('AbortError')
    // It waits for the lock until the server process has let go.
    expect(await value('SELECT count(*)::integer FROM check_entry')).toBe(202)
    await service.end()
    expect(await catalog()).toEqual(before)
  })
})

test.skipIf(findPgBouncer() === undefined)('the upgrade works through PgBouncer in transaction mode', async () => {
  const bouncer = await startPgBouncer({ database, poolSize: 2 })
  undo.push(() => bouncer.stop())
  await pool.query('CREATE VIEW v AS SELECT * FROM check_entry')
  const rows = await originalRows()
  const pools = [openPool(bouncer.database), openPool(bouncer.database)]
  await Promise.all(pools.map((each) => migrate(each, { logger })))
  await Promise.all(pools.map((each) => each.end()))
  expect(await originalRows()).toEqual(rows)
  expect(await value('SELECT count(*)::integer FROM v')).toBe(202)
})
