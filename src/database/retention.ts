import pg from 'pg'
import type { Logger } from '../logger.ts'
import { messageOf } from '../retry.ts'
import { type DropOptions, dropDetached, dropPartition, isMarked, readLeftovers, removeMark } from './dropPartition.ts'
import { exclusively } from './locks.ts'
import { type PartitionedTable, readPartitionedTables, type TableName } from './partitionedTables.ts'
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
  /** How long to wait for those who read a partition, before it is left for the next time. */
  readonly patienceMs?: number
  readonly onPartitionDropped?: () => void
}

const originalName = 'check_entry_original'
const deadLettersAtATime = 10_000

/**
 * Drops partitions that hold nothing but what is older than the retention, and such dead letters. Only one service does
 * so at a time; what cannot be done now is told, and left for the next time.
 */
export async function applyRetention(pool: pg.Pool, retention: Retention, options: RetentionOptions): Promise<void> {
  const { patienceMs = 30_000, logger, signal, onPartitionDropped } = options
  const nowMs = options.now?.getTime() ?? (await earlierOfClocks(pool))
  const days: Record<TableName, number> = {
    check_entry: retention.entryDays,
    check_hour: retention.hourDays,
    check_day: retention.dayDays,
  }
  await exclusively(pool, 'retention', signal, async (spare) => {
    for (const table of await readPartitionedTables(pool)) {
      if (days[table.name] === 0) continue
      const until = nowMs - days[table.name] * dayMs
      await dropOlder(table, until, { pool, spare, patienceMs, logger, signal, onPartitionDropped })
    }
    if (retention.entryDays > 0) await deleteDeadLetters(pool, retention.entryDays, signal)
  })
}

/** A clock that is ahead would drop what is still to be kept: it takes two of them. */
async function earlierOfClocks(pool: pg.Pool): Promise<number> {
  const { rows } = await pool.query<{ ms: number }>('SELECT extract(epoch FROM now())::float8 * 1000 AS ms')
  return Math.min(Date.now(), rows[0]?.ms as number)
}

/** When the rows of the original go, all at once; undefined: never, or they are gone. */
export async function originalGoesAt(pool: pg.Pool, { entryDays }: Retention): Promise<Date | undefined> {
  const tables = await readPartitionedTables(pool)
  const original = tables.flatMap(({ partitions }) => partitions).find(({ shortName }) => shortName === originalName)
  return entryDays > 0 && original ? new Date(original.to + entryDays * dayMs) : undefined
}

/** @param until in ms of the Unix epoch */
async function dropOlder(table: PartitionedTable, until: number, options: DropOptions): Promise<void> {
  const { pool, logger } = options
  const older = table.partitions.filter(({ to }) => to <= until)
  const leftovers = await readLeftovers(pool, table)
  if (!table.isOurs) {
    if (older.length + leftovers.length === 0) return
    logger.warn(
      `${table.schema}.${table.name} has partitions older than the retention, which only ${table.owner} may drop`,
    )
    return
  }
  const stays = table.partitions.filter((one) => isMarked(one) && !one.isDetaching && !older.includes(one))
  for (const partition of stays) await removeMark(partition, options)
  for (const leftover of leftovers) await tellOf(leftover.shortName, () => dropDetached(leftover, options), options)
  // Only one at a time can be detaching, so that one comes first, and as long as it stays none follows.
  older.sort((a, b) => Number(b.isDetaching) - Number(a.isDetaching) || a.to - b.to)
  for (const partition of older) {
    const { shortName } = partition
    if (partition.isDetaching && !isMarked(partition)) {
      const remedy = `ALTER TABLE ${table.schema}.${table.name} DETACH PARTITION ${partition.name} FINALIZE`
      logger.warn(`somebody else has begun to detach ${shortName}, until then no other goes; to end it: ${remedy}`)
      return
    }
    if (!(await tellOf(shortName, () => dropPartition(partition, table, options), options))) return
  }
}

/** @returns false when it has to wait for the next time */
async function tellOf(
  partition: string,
  drop: () => Promise<void>,
  { logger, signal, onPartitionDropped }: Pick<DropOptions, 'logger' | 'signal' | 'onPartitionDropped'>,
): Promise<boolean> {
  try {
    await drop()
    const what = partition === originalName ? 'the rows of the original are gone: ' : ''
    logger.info({ partition }, `${what}${partition} dropped, older than the retention`)
    onPartitionDropped?.()
    return true
  } catch (error) {
    signal.throwIfAborted()
    if (!(error instanceof pg.DatabaseError)) throw error
    const reason = isInUse(error) ? 'it is being read' : messageOf(error)
    logger.warn({ partition }, `${partition} cannot be dropped yet: ${reason}`)
    return false
  }
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
