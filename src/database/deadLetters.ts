import type pg from 'pg'
import type { DeadLetter } from '../deadLetter.ts'
import { type Statement, transaction } from './database.ts'

/** Within the transaction that stores the rest of the chunk, so that no message is ever in neither place. */
export function insertDeadLetters(deadLetters: readonly DeadLetter[]): Statement {
  return {
    text: `
      INSERT INTO dead_letter (topic, partition, "offset", "timestamp", key, value, reason)
      SELECT * FROM unnest($1::varchar[], $2::integer[], $3::bigint[], $4::timestamptz[], $5::bytea[], $6::bytea[],
                           $7::varchar[])
      ON CONFLICT (topic, partition, "offset", "timestamp") DO NOTHING`,
    values: [
      deadLetters.map(({ record }) => record.topic),
      deadLetters.map(({ record }) => record.partition),
      deadLetters.map(({ record }) => String(record.offset)),
      deadLetters.map(({ record }) => time(record.timestampMs)),
      deadLetters.map(({ record }) => record.key),
      deadLetters.map(({ record }) => record.value),
      deadLetters.map(({ reason }) => storable(reason)),
    ],
  }
}

/** A client may set any time; a Date and PostgreSQL cannot hold all of them. */
function time(ms: number): string {
  return new Date(Math.min(Math.max(ms, 0), Date.UTC(9999, 11, 31))).toISOString()
}

/** A reason can quote the message, whatever it holds. */
function storable(reason: string): string {
  return reason.replaceAll('\0', '\uFFFD').toWellFormed().slice(0, 1_000)
}

/** A row of `dead_letter`. */
export interface StoredDeadLetter {
  /** topic/partition/offset; a topic that was made anew repeats it. */
  readonly id: string
  /** The record's. */
  readonly timestamp: Date
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly reason: string
  readonly stored: Date
}

/** Which ones: by their ids, or by a part of their reason; without both, all. */
export interface DeadLetterFilter {
  readonly ids?: readonly string[] | undefined
  readonly reason?: string | undefined
}

const id = `topic || '/' || partition || '/' || "offset"`
const isMeant = `($1::text[] IS NULL OR ${id} = ANY ($1)) AND ($2::text IS NULL OR position($2 IN reason) > 0)`
const meant = ({ ids, reason }: DeadLetterFilter) => [ids ?? null, reason ?? null]

/** The newest first. */
export async function listDeadLetters(
  pool: pg.Pool,
  filter: DeadLetterFilter,
  limit: number,
): Promise<StoredDeadLetter[]> {
  const { rows } = await pool.query<StoredDeadLetter>(
    `SELECT ${id} AS id, "timestamp", key, value, reason, stored FROM dead_letter
      WHERE ${isMeant} ORDER BY stored DESC, topic, partition, "offset" DESC LIMIT $3`,
    [...meant(filter), limit],
  )
  return rows
}

/** @returns how many there were */
export async function deleteDeadLetters(pool: pg.Pool, filter: DeadLetterFilter): Promise<number> {
  const { rowCount } = await pool.query(`DELETE FROM dead_letter WHERE ${isMeant}`, meant(filter))
  return rowCount ?? 0
}

/** They are held in memory meanwhile. */
const replayedAtATime = 100

/**
 * Gives dead letters to somebody who publishes them, and deletes each portion when that has returned. What becomes a dead
 * letter again meanwhile is not given again.
 *
 * @returns how many
 * @throws what `publish` throws; its portion stays
 */
export async function replayDeadLetters(
  pool: pg.Pool,
  filter: DeadLetterFilter,
  publish: (portion: readonly StoredDeadLetter[]) => Promise<void>,
): Promise<number> {
  const { signal } = new AbortController()
  // As text: a Date would cut the microseconds off.
  const { rows } = await pool.query<{ now: string }>('SELECT now()::text AS now')
  const until = rows[0]?.now
  for (let replayed = 0; ; ) {
    const some = await transaction(pool, signal, async (client) => {
      const { rows: portion } = await client.query<StoredDeadLetter>(
        `DELETE FROM dead_letter
          WHERE (topic, partition, "offset", "timestamp") IN (
                SELECT topic, partition, "offset", "timestamp" FROM dead_letter
                 WHERE ${isMeant} AND stored <= $3::timestamptz ORDER BY stored LIMIT ${replayedAtATime}
                   FOR UPDATE SKIP LOCKED)
         RETURNING ${id} AS id, "timestamp", key, value, reason, stored`,
        [...meant(filter), until],
      )
      // Only then the transaction ends, and they are gone.
      if (portion.length > 0) await publish(portion)
      return portion.length
    })
    if (some === 0) return replayed
    replayed += some
  }
}
