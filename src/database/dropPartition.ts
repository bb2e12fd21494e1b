import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { v4 as uuidv4 } from 'uuid'
import type { Logger } from '../logger.ts'
import { changeTables } from './locks.ts'
import type { Partition, PartitionedTable } from './partitionedTables.ts'

export interface DropOptions {
  readonly pool: pg.Pool
  /** A connection that is free meanwhile: a pooler may have no other one left. */
  readonly spare: pg.PoolClient
  readonly logger: Pick<Logger, 'info' | 'warn' | 'debug'>
  readonly signal: AbortSignal
  /** How long to wait for those who read the table. */
  readonly patienceMs: number
  readonly onPartitionDropped?: (() => void) | undefined
}

/**
 * On a table that is on its way out, so that after a crash between DETACH and DROP we know it for ours: one that
 * somebody detached to keep it has no such mark.
 */
const mark = 'webmon: older than database.retention, to be dropped'

export const isMarked = ({ comment }: Pick<Partition, 'comment'>) => comment === mark

/**
 * Detaches a partition and drops it, so that nobody waits: DETACH CONCURRENTLY and then DROP wait for readers without
 * anybody queueing behind them. Of one that is detaching already the rest is done.
 *
 * While a reader is open, as pg_dump for hours, the partition stays "detach pending" (no new query sees it) and this
 * throws; to be called again later.
 *
 * @throws {pg.DatabaseError} 55P03 or 57014 when somebody reads it for longer than our patience
 */
export async function dropPartition(
  partition: Partition,
  table: PartitionedTable,
  options: DropOptions,
): Promise<void> {
  const parent = `${pg.escapeIdentifier(table.schema)}.${table.name}`
  const detach = `ALTER TABLE ${parent} DETACH PARTITION ${partition.name}`
  if (partition.isDetaching) {
    await change(partition, options, async (client) => {
      await client.query(`SET LOCAL statement_timeout = ${options.patienceMs}`)
      await client.query(`${detach} FINALIZE`)
    })
  } else {
    await setMark(partition, mark, options)
    try {
      await detachConcurrently(`${detach} CONCURRENTLY`, options)
    } catch (error) {
      // Whoever detaches it now means to keep it.
      if (!options.signal.aborted && !(await isDetaching(partition, options))) await removeMark(partition, options)
      throw error
    }
  }
  await dropDetached(partition, options)
}

/** Drops what `readLeftovers` has found. */
export async function dropDetached(table: Pick<Partition, 'name' | 'shortName'>, options: DropOptions): Promise<void> {
  await change(table, options, (client) => client.query(`DROP TABLE ${table.name}`))
}

/** For a partition that is to stay after all, because the retention has been changed before it was detached. */
export async function removeMark(partition: Partition, options: DropOptions): Promise<void> {
  await setMark(partition, null, options)
}

/** What we detached and did not drop: a crash came in between, or a reader. */
export async function readLeftovers(
  pool: pg.Pool,
  { name, schema }: PartitionedTable,
): Promise<Pick<Partition, 'name' | 'shortName'>[]> {
  const { rows } = await pool.query<Pick<Partition, 'name' | 'shortName'>>(
    `SELECT quote_ident(nspname) || '.' || quote_ident(relname) AS name, relname AS "shortName"
       FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
      WHERE nspname = $1 AND relname LIKE $2 AND relkind = 'r' AND NOT relispartition
        AND obj_description(pg_class.oid, 'pg_class') = $3
      ORDER BY relname`,
    [schema, `${name.replaceAll('_', '\\_')}\\_%`, mark],
  )
  return rows
}

async function setMark({ name, shortName }: Partition, text: string | null, options: DropOptions): Promise<void> {
  const comment = text === null ? 'NULL' : pg.escapeLiteral(text)
  await change({ name, shortName }, options, (client) => client.query(`COMMENT ON TABLE ${name} IS ${comment}`))
}

async function isDetaching({ name }: Partition, { pool }: DropOptions): Promise<boolean> {
  const { rows } = await pool.query('SELECT FROM pg_inherits WHERE inhrelid = to_regclass($1) AND inhdetachpending', [
    name,
  ])
  return rows.length > 0
}

async function change(
  { name, shortName }: Pick<Partition, 'name' | 'shortName'>,
  { pool, logger, signal }: DropOptions,
  action: (client: pg.PoolClient) => Promise<unknown>,
): Promise<void> {
  await changeTables(pool, { what: `dropping ${shortName}`, tables: [name], attempts: 1, logger, signal }, action)
}

/**
 * The statement cannot be in a transaction, so nothing can limit its time that would not stay behind in a connection of
 * a pooler: it is cancelled from another connection, which finds it by a mark in its text.
 */
async function detachConcurrently(statement: string, { pool, spare, patienceMs, signal }: DropOptions): Promise<void> {
  const id = `webmon ${uuidv4()}`
  const detached = new AbortController()
  const cancelWhenLate = async () => {
    const over = AbortSignal.any([detached.signal, signal])
    // Again and again: it may have waited for a connection all the time, and begin after we have looked for it.
    while (!over.aborted) {
      await sleep(patienceMs, undefined, { signal: over }).catch(() => undefined)
      // At a stop the spare one is given up.
      if (!detached.signal.aborted) await cancel(spare, id).catch(() => cancel(pool, id))
    }
  }
  const cancelling = cancelWhenLate()
  try {
    await pool.query(`${statement} /* ${id} */`)
  } finally {
    detached.abort()
    await cancelling
  }
}

async function cancel(client: pg.Pool | pg.PoolClient, id: string): Promise<void> {
  // Otherwise a transaction would go on seeing the statements that ran when it looked for the first time.
  await client.query('SELECT pg_stat_clear_snapshot()')
  await client.query(
    `SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE query LIKE '%' || $1 || '%' AND pid <> pg_backend_pid()`,
    [id],
  )
}
