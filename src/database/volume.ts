import type pg from 'pg'
import type { Retention } from './retention.ts'

/** A row with its share of the index, as `npm run bench:queries` finds them. */
export const bytesPerRow = { entry: 211, hour: 382, day: 363 } as const

/** What the websites make of the disk. */
export interface Volume {
  readonly websites: number
  readonly entriesPerDay: number
  readonly gbPerDay: number
  /** With as many days as the retention keeps, the rollups included; null: all entries are kept. */
  readonly gbInAll: number | null
}

const daysOfYear = 365

/** @param intervalSeconds of websites that have none of their own */
export async function readVolume(pool: pg.Pool, intervalSeconds: number, retention: Retention): Promise<Volume> {
  const { rows } = await pool.query<{ websites: number; perDay: number; hoursPerDay: number }>(
    `SELECT count(*)::float8 AS websites, coalesce(sum(86400.0 / seconds), 0)::float8 AS "perDay",
            coalesce(sum(least(24, 86400.0 / seconds)), 0)::float8 AS "hoursPerDay"
       FROM (SELECT coalesce(interval, $1::integer) AS seconds FROM website WHERE enabled) AS enabled`,
    [intervalSeconds],
  )
  const { websites, perDay, hoursPerDay } = rows[0] as (typeof rows)[0]
  const { entryDays, hourDays, dayDays } = retention
  const [entries, hours, days] = [
    perDay * bytesPerRow.entry,
    hoursPerDay * bytesPerRow.hour,
    websites * bytesPerRow.day,
  ]
  // Rollups that are kept for ever grow for a year here.
  const inAll = entries * entryDays + hours * (hourDays || daysOfYear) + days * (dayDays || daysOfYear)
  return {
    websites,
    entriesPerDay: Math.round(perDay),
    gbPerDay: (entries + hours + days) / 1e9,
    gbInAll: entryDays > 0 ? inAll / 1e9 : null,
  }
}

/** One line for people. */
export function describeVolume(volume: Volume, { entryDays }: Pick<Retention, 'entryDays'>): string {
  const { websites, entriesPerDay, gbPerDay, gbInAll } = volume
  const day = `${websites} websites make ${entriesPerDay} entries a day, ${gb(gbPerDay)}`
  return gbInAll === null
    ? `${day}; all are kept: ${gb(gbPerDay * daysOfYear)} a year`
    : `${day}; ${gb(gbInAll)} with the ${entryDays} days of database.retention`
}

function gb(size: number): string {
  if (size < 0.001) return 'less than 1 MB'
  return size >= 10 ? `${Math.round(size)} GB` : `${Number(size.toPrecision(2))} GB`
}
