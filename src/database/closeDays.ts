import { setTimeout as sleep } from 'node:timers/promises'
import type pg from 'pg'
import type { Logger } from '../logger.ts'
import { transaction } from './database.ts'
import { exclusively } from './locks.ts'
import { ensurePartitionFor } from './partitions.ts'
import { lastHourEnd, makeDays } from './rollups.ts'

interface CloseOptions {
  readonly logger: Pick<Logger, 'info' | 'warn' | 'debug'>
  readonly signal: AbortSignal
  /** Older days are left as they are: their hours may be gone. A day, as 2026-11-24. */
  readonly from?: string
}

/** How long to wait for transactions that began before the hour's end; then the next turn does it. */
const patienceMs = 10_000

/**
 * Fills `check_day` from the hours that have ended: the days since the last time, and the stale ones, each made anew
 * from all of its hours. Only one service does so at a time.
 *
 * None is forgotten. A transaction that reads the clock before the end of an hour leaves no mark in `stale_day` for it,
 * and has its number by then: once all numbers that were given before we looked at the clock are done, its hours can be
 * seen. One that reads the clock later leaves a mark, which comes to light together with its hours.
 */
export async function closeDays(pool: pg.Pool, { logger, signal, from = '-infinity' }: CloseOptions): Promise<void> {
  await exclusively(pool, 'days', signal, async () => {
    const until = await lastFinishedHour(pool, signal)
    if (until === undefined) {
      logger.debug('check_day waits for a transaction that has been open for long')
      return
    }
    for (const day of await daysToClose(pool, until)) {
      await ensurePartitionFor(pool, new Date(`${day}T00:00:00Z`), { logger, signal })
      await transaction(pool, signal, async (client) => {
        await client.query('DELETE FROM stale_day WHERE day = $1', [day])
        if (day >= from || from === '-infinity')
          await client.query(makeDays('$1::timestamptz', '$2::date'), [until, day])
      })
    }
    await pool.query(
      `INSERT INTO rollup_state (closed) VALUES ($1) ON CONFLICT (only_row) DO UPDATE SET closed = EXCLUDED.closed`,
      [until],
    )
  })
}

/** The end of the last hour of which nothing is under way any more; undefined: something still is. */
async function lastFinishedHour(pool: pg.Pool, signal: AbortSignal): Promise<string | undefined> {
  const { rows: clock } = await pool.query<{ until: string }>(`SELECT ${lastHourEnd}::text AS until`)
  // Greater than the number of every transaction that has one by now, which a snapshot's xmax is not.
  const { rows: number } = await pool.query<{ id: string }>('SELECT pg_current_xact_id()::text AS id')
  for (let waitedMs = 0; waitedMs <= patienceMs; waitedMs += 100) {
    const { rows } = await pool.query<{ done: boolean }>(
      'SELECT pg_snapshot_xmin(pg_current_snapshot()) > $1::xid8 AS done',
      [number[0]?.id],
    )
    if (rows[0]?.done) return clock[0]?.until
    await sleep(100, undefined, { signal })
  }
  return undefined
}

/** As texts, oldest first. */
async function daysToClose(pool: pg.Pool, until: string): Promise<string[]> {
  const { rows } = await pool.query<{ day: string }>(
    `WITH state AS (SELECT max(closed) AS closed FROM rollup_state)
     SELECT day::text FROM stale_day
     UNION
     SELECT generate_series((closed AT TIME ZONE 'UTC')::date::timestamp, ($1::timestamptz - interval '1 second') AT TIME ZONE 'UTC',
                            '24 hours')::date::text
       FROM state WHERE closed < $1::timestamptz
     UNION
     SELECT (hour AT TIME ZONE 'UTC')::date::text FROM check_hour, state WHERE closed IS NULL AND hour < $1::timestamptz
      ORDER BY 1`,
    [until],
  )
  return rows.map(({ day }) => day)
}
