import { setTimeout as sleep } from 'node:timers/promises'
import type pg from 'pg'
import type { Logger } from '../logger.ts'
import { transaction } from './database.ts'
import { exclusively } from './locks.ts'
import { ensurePartitionFor, partitionStart } from './partitions.ts'
import { dayMs } from './period.ts'
import { lastHourEnd, makeDays } from './rollups.ts'

interface CloseOptions {
  readonly logger: Pick<Logger, 'info' | 'warn' | 'debug'>
  readonly signal: AbortSignal
  /** Days of `check_hour` that are kept; 0 or left out: all. A day whose hours may be gone stays as it is. */
  readonly hourDays?: number
  /** How long to wait for those who were storing when the hour ended; then the next turn does it. */
  readonly patienceMs?: number
}

/**
 * Fills `check_day` from the hours that have ended: the days since the last time, and the stale ones, each made anew
 * from all of its hours. Only one service does so at a time.
 *
 * None is forgotten. Whoever stores holds its lock on `check_hour` when it reads the clock. When it did so before the
 * end of an hour, it leaves no mark in `stale_day` for that one; so those are waited for that held it when the hour was
 * over already. Whoever reads the clock later leaves a mark, which comes to light together with its hours.
 */
export async function closeDays(pool: pg.Pool, options: CloseOptions): Promise<void> {
  const { logger, signal, hourDays = 0 } = options
  await exclusively(pool, 'days', signal, async () => {
    const until = await lastFinishedHour(pool, options)
    if (until === undefined) {
      logger.debug('check_day waits for a transaction that has been open for long')
      return
    }
    const oldest = hourDays === 0 ? '' : oldestDay(hourDays)
    for (const day of await daysToClose(pool, until)) {
      const isKept = day >= oldest
      if (isKept)
        await ensurePartitionFor(pool, new Date(`${day}T00:00:00Z`), { tables: ['check_day'], logger, signal })
      await transaction(pool, signal, async (client) => {
        // First, so that a mark that is set meanwhile stays.
        await client.query('DELETE FROM stale_day WHERE day = $1', [day])
        if (isKept) await client.query(makeDays('$1::timestamptz', '$2::date'), [until, day])
      })
    }
    await pool.query(
      `INSERT INTO rollup_state (closed) VALUES ($1) ON CONFLICT (only_row) DO UPDATE SET closed = EXCLUDED.closed`,
      [until],
    )
  })
}

/** As 2026-11-24: the first day of the partition that the retention does not drop. */
function oldestDay(hourDays: number): string {
  const start = partitionStart('check_hour', new Date(Date.now() - hourDays * dayMs))
  return new Date(start).toISOString().slice(0, 10)
}

/** The end of the last hour of which nothing is under way any more; undefined: something still is. */
async function lastFinishedHour(
  pool: pg.Pool,
  { signal, patienceMs = 10_000 }: CloseOptions,
): Promise<string | undefined> {
  // First the clock, then the locks, in two statements: the other way round one could come in between.
  const { rows: clock } = await pool.query<{ ms: number }>(
    `SELECT extract(epoch FROM ${lastHourEnd})::float8 * 1000 AS ms`,
  )
  const { rows: storing } = await pool.query<{ id: string }>(`SELECT virtualtransaction AS id ${storingNow}`)
  const ids = storing.map(({ id }) => id)
  for (const deadline = performance.now() + patienceMs; ; await sleep(100, undefined, { signal })) {
    const { rows } = await pool.query(`SELECT ${storingNow} AND virtualtransaction = ANY ($1)`, [ids])
    if (rows.length === 0) return new Date(clock[0]?.ms as number).toISOString()
    if (performance.now() > deadline) return undefined
  }
}

/** The mode that INSERT and UPDATE take. */
const storingNow = `
  FROM pg_locks
 WHERE locktype = 'relation' AND mode = 'RowExclusiveLock' AND relation = 'check_hour'::regclass
   AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`

/** Oldest first, as 2026-11-24, whatever DateStyle is. */
async function daysToClose(pool: pg.Pool, until: string): Promise<string[]> {
  const { rows } = await pool.query<{ day: string }>(
    `WITH state AS (SELECT max(closed) AS closed FROM rollup_state),
     wanted AS (
       SELECT day FROM stale_day
       UNION
       SELECT generate_series((closed AT TIME ZONE 'UTC')::date::timestamp,
                              ($1::timestamptz - interval '1 second') AT TIME ZONE 'UTC', '24 hours')::date
         FROM state WHERE closed < $1::timestamptz
       UNION
       SELECT (hour AT TIME ZONE 'UTC')::date FROM check_hour, state WHERE closed IS NULL AND hour < $1::timestamptz
     )
     SELECT to_char(day, 'YYYY-MM-DD') AS day FROM wanted ORDER BY 1`,
    [until],
  )
  return rows.map(({ day }) => day)
}
