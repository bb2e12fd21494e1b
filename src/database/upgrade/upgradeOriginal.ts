import pg from 'pg'
import type { Logger } from '../../logger.ts'
import { asMigrationError } from '../migrationError.ts'
import { type Original, stop } from './original.ts'
import { UpgradeProgress } from './progress.ts'

/**
 * Makes the original's `check_entry` the oldest partition of the new one, all in the transaction that has it locked:
 * every row gets a time, the table gives up its name, `makeTables` makes the new one, the two are joined, and what was
 * granted on or reads the old one goes over to the new one.
 *
 * @throws {MigrationError} when something in the tables does not fit
 */
export async function upgradeOriginal(
  client: pg.PoolClient,
  original: Original,
  makeTables: () => Promise<void>,
  { pool, logger, signal }: { pool: pg.Pool; logger: Pick<Logger, 'info' | 'warn' | 'debug'>; signal: AbortSignal },
): Promise<void> {
  const { schema, table, oid, rows, bytes, views, parts } = original
  const size = `about ${Math.round(rows)} rows, ${Math.ceil(bytes / 1e6)} MB`
  logger.info({ rows, bytes }, `upgrading ${table} of the original: ${size}; locked until that is done`)
  if (parts.length > 0) logger.warn({ parts }, `of the old rows alone, new ones go without: ${parts.join(', ')}`)
  const progress = await UpgradeProgress.start(pool, client, logger, signal)
  try {
    const until = await setAside(client, original, progress)
    await makeTables()
    const aside = `${pg.escapeIdentifier(schema)}.check_entry_original`
    await attach(client, { oid, table, aside, until: `${until} 00:00:00+00` }, progress)
    await copyOwnerAndGrants(client, oid, table)
    for (const { name, statement } of views) {
      await client.query(statement).catch((error: unknown) => {
        const remedy = 'drop it, start webmon, then make it anew; nothing was changed'
        throw asMigrationError(error, `view ${name} does not fit the upgraded ${table}, ${remedy}`)
      })
    }
  } catch (error) {
    throw asMigrationError(error, `upgrading ${table} failed, nothing was changed`)
  } finally {
    progress.stop()
  }
}

/** Returns the first day (2026-11-25) that the table does not hold. */
async function setAside(client: pg.ClientBase, { table, oid }: Original, progress: UpgradeProgress): Promise<string> {
  progress.step('reading the times')
  const { rows } = await client.query<{ until: string | null; oldest: string; lacking: number }>(
    `SELECT to_char((date_trunc('day', greatest(max("timestamp"), now()), 'UTC') + interval '24 hours')
                      AT TIME ZONE 'UTC', 'YYYY-MM-DD') AS until,
            coalesce(min("timestamp") FILTER (WHERE isfinite("timestamp")), now())::text AS oldest,
            (count(*) - count("timestamp"))::float8 AS lacking
       FROM ${table}`,
  )
  const { until, oldest, lacking } = rows[0] as NonNullable<(typeof rows)[0]>
  if (until === null) throw stop(`${table} holds rows with "timestamp" = 'infinity': correct them`)
  if (lacking > 0) {
    progress.step(`giving ${lacking} rows without a time the one in their id`)
    await client.query(`UPDATE ${table} SET "timestamp" = ${timeInId(oldest)} WHERE "timestamp" IS NULL`)
  }
  const { rows: keys } = await client.query<{ name: string }>(
    `SELECT quote_ident(conname) AS name FROM pg_constraint WHERE conrelid = $1 AND contype = 'p'`,
    [oid],
  )
  for (const { name } of keys) await client.query(`ALTER TABLE ${table} DROP CONSTRAINT ${name}`)
  await client.query(`ALTER TABLE ${table} RENAME TO check_entry_original`)
  return until
}

/**
 * The time inside a version 1 UUID: 60 bits of 100 ns since 1582. A row with another id, or one from the future,
 * becomes the oldest: it must never pass for the newest of its website.
 */
function timeInId(oldest: string): string {
  const id = 'check_entry_id::text'
  const ticks = `('x' || substr(${id}, 16, 3) || substr(${id}, 10, 4) || left(${id}, 8))::bit(60)::bigint`
  const time = `timestamptz 'epoch' + (${ticks} - 122192928000000000) / 10 * interval '1 microsecond'`
  return `CASE WHEN ${id} ~ '^.{14}1.{4}[89ab]' AND ${time} <= now() THEN ${time} ELSE ${pg.escapeLiteral(oldest)} END`
}

interface Joining {
  readonly oid: number
  /** The new table and the one that was set aside. */
  readonly table: string
  readonly aside: string
  /** Midnight. */
  readonly until: string
}

async function attach(
  client: pg.ClientBase,
  { oid, table, aside, until }: Joining,
  progress: UpgradeProgress,
): Promise<void> {
  const { ofOriginal, ofNew } = await columnChanges(client, oid, table)
  // In one statement, so that one scan verifies it all; with this CHECK, ATTACH needs no scan of its own.
  progress.step('verifying the rows')
  const check = `ADD CONSTRAINT check_entry_original_until CHECK ("timestamp" < '${until}')`
  await client.query(`ALTER TABLE ${aside} ${[...ofOriginal, check].join(', ')}`)

  progress.step('building the key')
  const key = 'check_entry_original_pkey PRIMARY KEY (website_id, "timestamp", check_entry_id)'
  await client.query(`ALTER TABLE ${aside} ADD CONSTRAINT ${key}`)

  progress.step('attaching')
  if (ofNew.length > 0) await client.query(`ALTER TABLE ${table} ${ofNew.join(', ')}`)
  await client.query(`ALTER TABLE ${table} ATTACH PARTITION ${aside} FOR VALUES FROM (MINVALUE) TO ('${until}')`)
  await client.query(`ALTER TABLE ${aside} DROP CONSTRAINT check_entry_original_until`)
}

/** What ALTER TABLE must do to each of the two for their columns to be the same, those included that somebody added. */
async function columnChanges(
  client: pg.ClientBase,
  oid: number,
  table: string,
): Promise<{ ofOriginal: string[]; ofNew: string[] }> {
  const { rows } = await client.query<{ target: 'original' | 'new' | null; change: string }>(
    `WITH columns AS (
       SELECT attrelid, attname, attnum, attnotnull, format_type(atttypid, atttypmod) AS type,
              concat_ws(' ', 'ADD COLUMN', quote_ident(attname), format_type(atttypid, atttypmod),
                        'COLLATE ' || CASE WHEN attcollation <> typcollation THEN attcollation::regcollation END,
                        'DEFAULT ' || pg_get_expr(adbin, adrelid), CASE WHEN attnotnull THEN 'NOT NULL' END) AS addition
         FROM pg_attribute JOIN pg_type ON pg_type.oid = atttypid
         LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
        WHERE attrelid IN ($1, $2::text::regclass) AND attnum > 0 AND NOT attisdropped
     )
     SELECT CASE WHEN old.type = new.type OR old.type IS NULL THEN 'original'
                 WHEN new.type IS NULL THEN 'new' END AS target,
            CASE WHEN old.type IS NULL THEN new.addition
                 WHEN new.type IS NULL THEN old.addition
                 WHEN old.type = new.type THEN format('ALTER COLUMN %I SET NOT NULL', attname)
                 ELSE format('ALTER TABLE %s ALTER COLUMN %I TYPE %s', $2::text, attname, new.type) END AS change
       FROM (SELECT * FROM columns WHERE attrelid = $1) AS old
       FULL JOIN (SELECT * FROM columns WHERE attrelid <> $1) AS new USING (attname)
      WHERE old.type IS DISTINCT FROM new.type OR new.attnotnull AND NOT old.attnotnull
      ORDER BY new.attnum, old.attnum`,
    [oid, table],
  )
  const changes = (target: 'original' | 'new' | null) =>
    rows.filter((row) => row.target === target).map(({ change }) => change)
  const unfit = changes(null)
  if (unfit.length > 0) throw stop(`${table} has columns of other types than the original's: ${unfit.join('; ')}`)
  return { ofOriginal: changes('original'), ofNew: changes('new') }
}

/** Default privileges may have given the new table grants that the old one did not have: they go first. */
async function copyOwnerAndGrants(client: pg.ClientBase, oid: number, table: string): Promise<void> {
  const role = `CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::regrole::text END`
  const option = `CASE WHEN is_grantable THEN ' WITH GRANT OPTION' END`
  const grants = `aclexplode(coalesce(relacl, acldefault('r', relowner)))`
  const { rows: owner } = await client.query<{ statement: string }>(
    `SELECT format('ALTER TABLE %s OWNER TO %s', $2::text, relowner::regrole) AS statement FROM pg_class
      WHERE oid = $1 AND relowner <> (SELECT relowner FROM pg_class WHERE oid = $2::text::regclass)`,
    [oid, table],
  )
  for (const { statement } of owner) await client.query(statement)
  const { rows } = await client.query<{ statement: string }>(
    `SELECT DISTINCT 1 AS step, format('REVOKE ALL ON %s FROM %s', $2::text, ${role}) AS statement
       FROM pg_class, ${grants} WHERE oid = $2::text::regclass
     UNION ALL
     SELECT 2, format('GRANT %s ON %s TO %s%s', privilege_type, $2::text, ${role}, ${option})
       FROM pg_class, ${grants} WHERE oid = $1
     UNION ALL
     SELECT 2, format('GRANT %s (%I) ON %s TO %s%s', privilege_type, attname, $2::text, ${role}, ${option})
       FROM pg_attribute, aclexplode(attacl) WHERE attrelid = $1
      ORDER BY step`,
    [oid, table],
  )
  await client.query(rows.map(({ statement }) => statement).join('; '))
}
