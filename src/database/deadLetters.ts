import type pg from 'pg'
import type { DeadLetter } from '../message.ts'

/** Within the transaction that stores the rest of the chunk, so that no message is ever in neither place. */
export async function insertDeadLetters(client: pg.PoolClient, deadLetters: readonly DeadLetter[]): Promise<void> {
  await client.query(
    `INSERT INTO dead_letter (topic, partition, "offset", "timestamp", key, value, reason)
     SELECT * FROM unnest($1::varchar[], $2::integer[], $3::bigint[], $4::timestamptz[], $5::bytea[], $6::bytea[],
                          $7::varchar[])
     ON CONFLICT DO NOTHING`,
    [
      deadLetters.map(({ record }) => record.topic),
      deadLetters.map(({ record }) => record.partition),
      deadLetters.map(({ record }) => String(record.offset)),
      deadLetters.map(({ record }) => new Date(storable(record.timestampMs)).toISOString()),
      deadLetters.map(({ record }) => record.key),
      deadLetters.map(({ record }) => record.value),
      deadLetters.map(({ reason }) => reason),
    ],
  )
}

/** Clients may write any 64 bits as a record's time; of what PostgreSQL and ISO 8601 cannot say, the nearest. */
function storable(timestampMs: number): number {
  return Math.min(Math.max(timestampMs, Date.UTC(1970)), Date.UTC(9999))
}
