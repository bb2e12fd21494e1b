import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type pg from 'pg'
import { migrate } from '../../src/database/migrations.ts'
import { ensurePartitionFor } from '../../src/database/partitions.ts'

const dayMs = 86_400_000
const quiet = { info: () => undefined, warn: console.error, debug: () => undefined }

export interface Amounts {
  readonly websites: number
  readonly entries: number
  /** Of rollups, and of partitions of entries. */
  readonly days: number
}

/** Each website is checked so often. */
export const intervalSeconds = 300

/**
 * Fills the tables as they were before there were rollups, lets the migration add the entries up, and puts the rollups of
 * the days before on top.
 *
 * @returns how long the migration took, in seconds
 */
export async function fill(pool: pg.Pool, amounts: Amounts, say: (line: string) => void): Promise<number> {
  const days = Array.from({ length: amounts.days }, (_, n) => new Date(Date.now() - n * dayMs))
  await migrateToFirst(pool)
  for (const day of days) await makeDayPartition(pool, day.toISOString().slice(0, 10))
  await pool.query('DELETE FROM website')
  await pool.query(
    `INSERT INTO website (name, url, interval)
     SELECT CASE n WHEN 1 THEN 'Example' ELSE 'website ' || n END, 'https://example.com/', $2
       FROM generate_series(1, $1::integer) AS n`,
    [amounts.websites, intervalSeconds],
  )
  await pool.query('ANALYZE website')
  await fillEntries(pool, amounts, say)
  say('migrating')
  const startMs = performance.now()
  await migrate(pool, { logger: quiet, intervalSeconds })
  const seconds = (performance.now() - startMs) / 1000
  await ensurePartitionFor(pool, days, { logger: quiet })
  await fillRollups(pool, days, say)
  return seconds
}

async function migrateToFirst(pool: pg.Pool): Promise<void> {
  const sql = path.join(import.meta.dirname, '../../sql')
  const folder = await mkdtemp(path.join(tmpdir(), 'webmon-bench-sql-'))
  for (const file of ['0001_tables.sql', 'sample_websites.sql']) await cp(path.join(sql, file), path.join(folder, file))
  await migrate(pool, { logger: quiet, folder })
  await rm(folder, { recursive: true })
}

async function makeDayPartition(pool: pg.Pool, day: string): Promise<void> {
  await pool.query(
    `CREATE TABLE check_entry_${day.replaceAll('-', '')} PARTITION OF check_entry
       FOR VALUES FROM ('${day} 00:00:00+00') TO (timestamptz '${day} 00:00:00+00' + interval '24 hours')`,
  )
}

/** In the order of their times, as they come; those of a quarter of an hour sorted, as in the chunks of a consumer. */
async function fillEntries(pool: pg.Pool, { websites, entries }: Amounts, say: (line: string) => void): Promise<void> {
  const slots = Math.ceil(entries / websites)
  const atATime = 3
  for (let slot = 0; slot < slots; slot += atATime) {
    await pool.query(
      `INSERT INTO check_entry (website_id, "timestamp", response_time, http_status, regex, regex_match, available,
                                dns_time, connect_time, tls_time, first_byte_time, body_time)
       SELECT website_id, now() - (($1::integer - slot) * $2::integer - random() * $2) * interval '1 second', ms,
              CASE WHEN good THEN 200 ELSE 503 END, 'Welcome to', good, good, 1, 8, 9, ms - 18, 3
         FROM website, generate_series($3::integer, $4::integer) AS slot,
              -- Of both, or PostgreSQL would throw the dice only once.
              LATERAL (SELECT 20 + (random() * random() * 900)::integer AS ms, random() > 0.01 AS good
                        WHERE slot >= 0 AND website_id IS NOT NULL) AS result
        ORDER BY website_id, slot`,
      [slots, intervalSeconds, slot, Math.min(slot + atATime, slots) - 1],
    )
    if (slot % 300 === 0) say(`${slot * websites} of ${entries} entries`)
  }
}

/** Of the days before the entries: much alike from hour to hour. */
async function fillRollups(pool: pg.Pool, days: readonly Date[], say: (line: string) => void): Promise<void> {
  const { rows } = await pool.query<{ first: Date }>('SELECT min(hour) AS first FROM check_hour')
  const first = (rows[0] as { first: Date }).first
  for (const day of [...days].reverse().map((time) => time.toISOString().slice(0, 10))) {
    await pool.query(
      `INSERT INTO check_hour
       SELECT website_id, hour, 12, 0, 3600, 12, 2400 + n, 20 + n, 400 + n, '{0,0,2,4,4,2,0,0,0,0,0}'
         FROM generate_series('${day} 00:00:00+00'::timestamptz, '${day} 23:00:00+00', '1 hour') AS hour,
              (SELECT website_id, (row_number() OVER () % 90)::integer AS n FROM website) AS website
        WHERE hour < $1 ORDER BY hour, website_id`,
      [first],
    )
  }
  say('adding up the days')
  await pool.query(
    `INSERT INTO check_day
     SELECT website_id, (hour AT TIME ZONE 'UTC')::date, sum(checks), sum(failures), sum(covered), sum(responses),
            sum(response_time_sum), min(response_time_min), max(response_time_max), '{0,0,48,96,96,48,0,0,0,0,0}'
       FROM check_hour WHERE hour < date_trunc('day', $1::timestamptz, 'UTC') GROUP BY 1, 2 ORDER BY 2, 1`,
    [first],
  )
}
