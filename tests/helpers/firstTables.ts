import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type pg from 'pg'
import { migrate } from '../../src/database/migrations.ts'
import { silent } from './storing.ts'

/** The tables as they were before there were rollups: the first file of `sql/` alone. */
export async function migrateToFirst(pool: pg.Pool): Promise<void> {
  const sql = path.join(import.meta.dirname, '../../sql')
  const folder = mkdtempSync(path.join(tmpdir(), 'webmon-sql-'))
  try {
    for (const file of ['0001_tables.sql', 'sample_websites.sql']) cpSync(path.join(sql, file), path.join(folder, file))
    await migrate(pool, { logger: silent, folder })
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** The partitions that entries of these times need. */
export async function makeDayPartitions(pool: pg.Pool, times: readonly Date[]): Promise<void> {
  for (const day of new Set(times.map((time) => time.toISOString().slice(0, 10)))) {
    await pool.query(
      `CREATE TABLE check_entry_${day.replaceAll('-', '')} PARTITION OF check_entry
         FOR VALUES FROM ('${day} 00:00:00+00') TO (timestamptz '${day} 00:00:00+00' + interval '24 hours')`,
    )
  }
}
