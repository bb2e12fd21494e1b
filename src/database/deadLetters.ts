import type { DeadLetter } from '../message.ts'
import type { Statement } from './database.ts'

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
