import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { v4 as uuidv4 } from 'uuid'
import type { Logger } from '../logger.ts'
import { messageOf } from '../retry.ts'
import { changeTables, exclusively } from './locks.ts'
import { type Partition, type PartitionedTable, readPartitionedTables, type TableName } from './partitions.ts'
import { dayMs } from './period.ts'

/** Days that are kept; 0: all. */
export interface Retention {
  /** Of `check_entry` and `dead_letter`. */
  readonly entryDays: number
  readonly hourDays: number
  readonly dayDays: number
}

export interface RetentionOptions {
  readonly logger: Pick<Logger, 'info' | 'warn' | 'debug'>
  readonly signal: AbortSignal
  readonly now?: Date
  /** How long to wait for those who read the table, before it is left for the next time. */
  readonly patienceMs?: number
}

/**
 * On a table that is on its way out, so that after a crash between DETACH and DROP we know it for ours: one that
 * somebody detached to keep it has no such mark.
 */
const mark = 'webmon: older than database.retention, to be dropped'
const deadLettersAtATime = 10_000

/**
 * Drops partitions that hold nothing but what is older than the retention, and such dead letters. Only one service does
 * so at a time; what cannot be done now is told, and left for the next time.
 *
 * DETACH CONCURRENTLY, and then DROP: both wait for readers without anybody waiting for them. While a reader is open, as
 * pg_dump for hours, the partition stays "detach pending": no new query sees it, and the next time finishes the work.
 */
export async function applyRetention(pool: pg.Pool, retention: Retention, options: RetentionOptions): Promise<void> {
  const { now = new Date(), patienceMs = 30_000, logger, signal } = options
  const days: Record<TableName, number> = {
    check_entry: retention.entryDays,
    check_hour: retention.hourDays,
    check_day: retention.dayDays,
  }
  const work = { pool, patienceMs, logger, signal }
  await exclusively(pool, 'retention', signal, async () => {
    for (const table of await readPartitionedTables(pool)) {
      if (days[table.name] === 0) continue
      const until = now.getTime() - days[table.name] * dayMs
      for (const leftover of await readLeftovers(pool, table)) await dropOrTell(leftover, table, work)
      for (const partition of table.partitions.filter(({ to }) => to <= until).sort((a, b) => a.to - b.to))
        await dropOrTell(partition, table, work)
    }
    if (retention.entryDays > 0) await deleteDeadLetters(pool, retention.entryDays, signal)
  })
}

/** When the rows of the original go, all at once; undefined: never, or they are gone. */
export async function originalGoesAt(pool: pg.Pool, { entryDays }: Retention): Promise<Date | undefined> {
  const tables = await readPartitionedTables(pool)
  const original = tables.flatMap(({ partitions }) => partitions).find(({ shortName }) => shortName === originalName)
  return entryDays > 0 && original ? new Date(original.to + entryDays * dayMs) : undefined
}

const originalName = 'check_entry_original'

interface Work {
  readonly pool: pg.Pool
  readonly patienceMs: number
  readonly logger: RetentionOptions['logger']
  readonly signal: AbortSignal
}

type Doomed = Pick<Partition, 'name' | 'shortName'> & Partial<Partition>

async function dropOrTell(partition: Doomed, table: PartitionedTable, work: Work): Promise<void> {
  const { logger, signal } = work
  try {
    await dropPartition(partition, table, work)
    const what = partition.shortName === originalName ? 'the rows of the original are gone: ' : ''
    logger.info({ partition: partition.shortName }, `${what}${partition.shortName} dropped, older than the retention`)
  } catch (error) {
    signal.throwIfAborted()
    if (!(error instanceof pg.DatabaseError)) throw error
    const reason = isInUse(error) ? 'it is being read' : messageOf(error)
    logger.warn({ partition: partition.shortName }, `${partition.shortName} cannot be dropped yet: ${reason}`)
  }
}

async function dropPartition(partition: Doomed, table: PartitionedTable, work: Work): Promise<void> {
  const { pool, logger, signal, patienceMs } = work
  const parent = `${pg.escapeIdentifier(table.schema)}.${table.name}`
  const change = { what: `dropping ${partition.shortName}`, tables: [partition.name], attempts: 1, logger, signal }
  if (partition.isDetaching && partition.comment === mark) {
    await changeTables(pool, change, async (client) => {
      await client.query(`SET LOCAL statement_timeout = ${patienceMs}`)
      await client.query(`ALTER TABLE ${parent} DETACH PARTITION ${partition.name} FINALIZE`)
    })
  } else if (partition.to !== undefined) {
    const comment = `COMMENT ON TABLE ${partition.name} IS ${pg.escapeLiteral(mark)}`
    await changeTables(pool, change, (client) => client.query(comment))
    await detachConcurrently(`ALTER TABLE ${parent} DETACH PARTITION ${partition.name} CONCURRENTLY`, work)
  }
  await changeTables(pool, change, (client) => client.query(`DROP TABLE ${partition.name}`))
}

/**
 * The statement cannot be in a transaction, so nothing can limit its time that would not stay behind in a connection of
 * a pooler: it is cancelled from another one, where a mark in its text finds it.
 */
async function detachConcurrently(statement: string, { pool, patienceMs, signal }: Work): Promise<void> {
  const id = `webmon ${uuidv4()}`
  const detached = new AbortController()
  const cancelling = sleep(patienceMs, undefined, { signal: AbortSignal.any([detached.signal, signal]) })
    .catch(() => undefined)
    .then(() => (detached.signal.aborted ? undefined : cancel(pool, id)))
  try {
    await pool.query(`${statement} /* ${id} */`)
  } finally {
    detached.abort()
    await cancelling
  }
}

async function cancel(pool: pg.Pool, id: string): Promise<void> {
  await pool.query(
    `SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE query LIKE '%' || $1 || '%' AND pid <> pg_backend_pid()`,
    [id],
  )
}

/** Detached and not dropped: a crash came in between, or a reader. */
async function readLeftovers(pool: pg.Pool, { name, schema }: PartitionedTable): Promise<Doomed[]> {
  const { rows } = await pool.query<Doomed>(
    `SELECT quote_ident(nspname) || '.' || quote_ident(relname) AS name, relname AS "shortName"
       FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
      WHERE nspname = $1 AND relname LIKE $2 AND relkind = 'r' AND NOT relispartition
        AND obj_description(pg_class.oid, 'pg_class') = $3
      ORDER BY relname`,
    [schema, `${name.replaceAll('_', '\\_')}\\_%`, mark],
  )
  return rows
}

/** A lock that was not to be had, and a statement that was cancelled because it took too long. */
function isInUse({ code }: pg.DatabaseError): boolean {
  return code === '55P03' || code === '57014'
}

async function deleteDeadLetters(pool: pg.Pool, days: number, signal: AbortSignal): Promise<void> {
  for (let deleted = deadLettersAtATime; deleted === deadLettersAtATime; ) {
    signal.throwIfAborted()
    const { rowCount } = await pool.query(
      `DELETE FROM dead_letter
        WHERE ctid = ANY (ARRAY(SELECT ctid FROM dead_letter
                                 WHERE stored < now() - $1 * interval '24 hours' LIMIT $2))`,
      [days, deadLettersAtATime],
    )
    deleted = rowCount ?? 0
  }
}
