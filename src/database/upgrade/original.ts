import type pg from 'pg'
import { MigrationError } from '../migrationError.ts'
import { type Dependents, readDependents } from './dependents.ts'

/** The original's `check_entry`, as it was found. */
export interface Original {
  readonly schema: string
  /** Schema and name, quoted where SQL needs it. */
  readonly table: string
  readonly oid: number
  /** From the statistics, and of the table with its indexes. */
  readonly rows: number
  readonly bytes: number
  readonly views: Dependents['views']
  readonly parts: Dependents['parts']
}

/** What 0001_tables.sql meets. */
export interface Existing {
  readonly website: string | null
  readonly checkEntry: Original | null
}

/**
 * Finds the tables of the original. Takes no lock that anybody waits for. Call it with an empty search_path.
 *
 * @throws {MigrationError} when they cannot be upgraded, naming everything that would break
 */
export async function findExisting(client: pg.ClientBase, schema: string): Promise<Existing> {
  const website = await findTable(client, schema, 'website', [
    'website_id',
    'name',
    'url',
    'regex',
    'status',
    'timestamp',
  ])
  return { website: website?.table ?? null, checkEntry: await findCheckEntry(client, schema) }
}

async function findCheckEntry(client: pg.ClientBase, schema: string): Promise<Original | null> {
  const columns = ['check_entry_id', 'website_id', 'timestamp', 'response_time', 'http_status', 'regex', 'regex_match']
  const found = await findTable(client, schema, 'check_entry', columns)
  if (found === null) return null
  const { rows } = await client.query(
    'SELECT FROM pg_class WHERE relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = $1) AND relname = $2',
    [schema, 'check_entry_original'],
  )
  if (rows.length > 0)
    throw stop(`${found.table} is to be renamed to check_entry_original, which exists: rename that one`)
  const { views, others, parts } = await readDependents(client, found.oid)
  if (others.length > 0) {
    throw stop(
      `${found.table} becomes a partitioned table, which these do not survive: ${others.join(', ')}; ` +
        'drop them, start webmon, then make them anew on the upgraded table',
    )
  }
  return { schema, ...found, views, parts }
}

type FoundTable = Pick<Original, 'table' | 'oid' | 'rows' | 'bytes'>

async function findTable(
  client: pg.ClientBase,
  schema: string,
  name: string,
  columns: string[],
): Promise<FoundTable | null> {
  // Statistics say -1 before the first ANALYZE; a row of the original takes about 90 bytes.
  const { rows } = await client.query<FoundTable & { kind: string; lacks: string | null }>(
    `SELECT format('%I.%I', nspname, relname) AS table, pg_class.oid::bigint::float8 AS oid, relkind AS kind,
            CASE WHEN reltuples < 0 THEN pg_relation_size(pg_class.oid) / 90 ELSE reltuples END::float8 AS rows,
            pg_total_relation_size(pg_class.oid)::float8 AS bytes,
            (SELECT string_agg(wanted, ', ' ORDER BY place)
               FROM unnest($3::text[]) WITH ORDINALITY AS name (wanted, place)
              WHERE NOT EXISTS (SELECT FROM pg_attribute WHERE attrelid = pg_class.oid AND attname = wanted)) AS lacks
       FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
      WHERE nspname = $1 AND relname = $2`,
    [schema, name, columns],
  )
  if (rows[0] === undefined) return null
  const { kind, lacks, ...found } = rows[0]
  if (kind === 'p')
    throw stop(`${found.table} is partitioned, but webmon_migration does not say by whom: restore that table`)
  if (kind !== 'r') throw stop(`${found.table} is no table: give webmon a schema of its own`)
  if (lacks !== null) throw stop(`${found.table} is not webmon's, it lacks ${lacks}: give webmon a schema of its own`)
  return found
}

/**
 * Keeps everybody off the tables. Readers lock a view before its tables, so this comes in the same order; LOCK TABLE on
 * a view would lock every table that it reads. Consumers lock website before check_entry.
 */
export async function lockExisting(client: pg.ClientBase, { website, checkEntry }: Existing): Promise<void> {
  const toItsOwner = checkEntry?.views.map(({ name, owner }) => `ALTER VIEW ${name} OWNER TO ${owner};`) ?? []
  const tables = [website, checkEntry?.table].filter((table) => table != null)
  if (tables.length > 0)
    await client.query(`${toItsOwner.join(' ')} LOCK TABLE ${tables.join(', ')} IN ACCESS EXCLUSIVE MODE`)
}

/** An error after which the transaction is rolled back. */
export const stop = (reason: string) => new MigrationError(`${reason}; nothing was changed`)
