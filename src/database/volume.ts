import type pg from 'pg'
import type { Retention } from './retention.ts'

/** Of `check_entry` with its index, measured on five million rows. */
const bytesPerEntry = 157

/** What the websites make of the disk. */
export interface Volume {
  readonly websites: number
  readonly entriesPerDay: number
  readonly gbPerDay: number
  /** With as many days as the retention keeps; null: it keeps all. */
  readonly gbInAll: number | null
}

/** @param intervalSeconds of websites that have none of their own */
export async function readVolume(
  pool: pg.Pool,
  intervalSeconds: number,
  { entryDays }: Pick<Retention, 'entryDays'>,
): Promise<Volume> {
  const { rows } = await pool.query<{ websites: number; perDay: number }>(
    `SELECT count(*)::float8 AS websites, coalesce(sum(86400.0 / coalesce(interval, $1::integer)), 0)::float8 AS "perDay"
       FROM website WHERE enabled`,
    [intervalSeconds],
  )
  const { websites, perDay } = rows[0] as (typeof rows)[0]
  const gbPerDay = (perDay * bytesPerEntry) / 1e9
  return { websites, entriesPerDay: Math.round(perDay), gbPerDay, gbInAll: entryDays > 0 ? gbPerDay * entryDays : null }
}

/** One line for people. */
export function describeVolume({ websites, entriesPerDay, gbPerDay, gbInAll }: Volume, entryDays: number): string {
  const day = `${websites} websites make ${entriesPerDay} entries a day, ${gb(gbPerDay)}`
  return gbInAll === null
    ? `${day}; all are kept: ${gb(gbPerDay * 365)} a year`
    : `${day}; ${gb(gbInAll)} in ${entryDays} days`
}

function gb(size: number): string {
  if (size < 0.001) return 'less than 1 MB'
  return size >= 10 ? `${Math.round(size)} GB` : `${Number(size.toPrecision(2))} GB`
}
