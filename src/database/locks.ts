import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import type { Logger } from '../logger.ts'
import { transaction } from './database.ts'

/** First half of the advisory locks' keys ("webm"); the second says what only one may do at a time. */
const advisoryClass = 0x7765626d
export const advisory = { migrate: 1, partitions: 2, retention: 3, days: 4, websites: 5, alerts: 6 } as const

export const takeAdvisory = (purpose: keyof typeof advisory) =>
  `SELECT pg_advisory_xact_lock(${advisoryClass}, ${advisory[purpose]})`
export const tryAdvisory = (purpose: keyof typeof advisory) =>
  `SELECT pg_try_advisory_xact_lock(${advisoryClass}, ${advisory[purpose]}) AS taken`

/**
 * Does something that only one of all services may do at a time; when another one is at it, nothing.
 *
 * The lock belongs to a transaction on a connection of its own, which does nothing else, because some things cannot be
 * done within one (DETACH CONCURRENTLY), and a lock of the session would stay behind in a connection of a pooler. It
 * reads no table, so nobody waits for it, and ends with this process.
 *
 * @param action gets that connection, for what touches no table
 */
export async function exclusively(
  pool: pg.Pool,
  purpose: keyof typeof advisory,
  signal: AbortSignal,
  action: (spare: pg.PoolClient) => Promise<void>,
): Promise<void> {
  await transaction(pool, signal, async (client) => {
    await client.query(settings)
    const { rows } = await client.query<{ taken: boolean }>(tryAdvisory(purpose))
    if (rows[0]?.taken) await action(client)
  })
}

export interface TableChange {
  /** For the log: "<what> waits for ..." */
  readonly what: string
  /** The tables whose locks it needs. */
  readonly tables: readonly string[]
  /** Failed attempts to get the locks until it throws; left out: no limit. */
  readonly attempts?: number
  readonly logger: Pick<Logger, 'info' | 'warn' | 'debug'>
  readonly signal: AbortSignal
}

/**
 * Runs a transaction that changes tables. While it waits for a lock everybody else queues behind it, so it waits for a
 * moment only, then steps back, says who holds the lock, and comes again.
 *
 * @throws what `action` throws; the lock's error (55P03, 40P01) after `attempts`
 */
export async function changeTables<T>(
  pool: pg.Pool,
  change: TableChange,
  action: (client: pg.PoolClient) => Promise<T>,
): Promise<T> {
  const { what, tables, attempts = Number.POSITIVE_INFINITY, logger, signal } = change
  for (let attempt = 1, pause = 500; ; attempt++, pause = Math.min(pause * 2, 10_000)) {
    try {
      return await transaction(pool, signal, async (client) => {
        // Whoever waited for an advisory lock must then see what its holder committed.
        await client.query('SET TRANSACTION ISOLATION LEVEL READ COMMITTED')
        await client.query(settings)
        return await action(client)
      })
    } catch (error) {
      signal.throwIfAborted()
      if (!isLockFailure(error) || attempt >= attempts) throw error
      const holders = await lockHolders(pool, tables)
      logger.warn(
        { attempt, holders },
        `${what} waits for a lock held by ${holders}; trying again in ${pause / 1000} s`,
      )
      await sleep(pause, undefined, { signal })
    }
  }
}

export function isLockFailure(error: unknown): boolean {
  return error instanceof pg.DatabaseError && (error.code === '55P03' || error.code === '40P01')
}

/**
 * For this transaction alone. No time limit of the role may cut a long index build. The lock timeout is longer than
 * deadlock_timeout, because only then PostgreSQL sends a running autovacuum away. pg_settings: transaction_timeout
 * exists from PostgreSQL 17 on. The rest is what pg_dump sets, so that definitions read back as what they were.
 */
const settings = `
  SELECT set_config(name, value, true)
    FROM (VALUES ('statement_timeout', '0'),
                 ('idle_in_transaction_session_timeout', '0'),
                 ('transaction_timeout', '0'),
                 ('lock_timeout', (SELECT setting::integer + 1000 FROM pg_settings
                                    WHERE name = 'deadlock_timeout')::text),
                 ('TimeZone', 'UTC'),
                 ('DateStyle', 'ISO'),
                 ('IntervalStyle', 'postgres'),
                 ('standard_conforming_strings', 'on')) AS wanted (name, value)
    JOIN pg_settings USING (name)`

/** Who else holds locks on these tables, for people: process id, user, application, since when. Never the statement. */
async function lockHolders(pool: pg.Pool, tables: readonly string[]): Promise<string> {
  const { rows } = await pool.query<{ holder: string }>(
    `SELECT DISTINCT concat_ws(', ',
              'pid ' || l.pid,
              'user ' || a.usename,
              'application ' || nullif(a.application_name, ''),
              CASE WHEN a.backend_type <> 'client backend' THEN a.backend_type END,
              a.state || ' for ' || extract(epoch FROM clock_timestamp() - a.xact_start)::integer || ' s'
            ) AS holder
       FROM pg_locks AS l LEFT JOIN pg_stat_activity AS a USING (pid)
      WHERE l.granted AND l.pid <> pg_backend_pid()
        AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
        AND (l.relation = ANY (ARRAY(SELECT to_regclass(name) FROM unnest($1::text[]) AS name))
             OR l.locktype = 'advisory' AND l.classid = $2)
      ORDER BY 1`,
    [tables, advisoryClass],
  )
  return rows.length === 0 ? 'nobody any more' : rows.map(({ holder }) => holder).join('; ')
}
