/** Response times of one website over a time, in steps. Times are ms. */
import type pg from 'pg'
import { read } from './reading.ts'
import { msOf } from './uptime.ts'

export interface PhaseMeans {
  readonly dns: number | null
  readonly connect: number | null
  readonly tls: number | null
  readonly firstByte: number | null
  readonly body: number | null
}

export interface Span {
  readonly id: string
  readonly from: Date
  readonly to: Date
  readonly stepSeconds: number
}

export interface MeasuredStep extends PhaseMeans {
  readonly at: number
  readonly checks: number
  readonly failures: number
  readonly p50: number | null
  readonly p95: number | null
}

/** A phase that an answered check did without, as TLS, took no time; entries of the original have no phases at all. */
const means = [
  ['dns_time', 'dns'],
  ['connect_time', 'connect'],
  ['tls_time', 'tls'],
  ['first_byte_time', '"firstByte"'],
  ['body_time', 'body'],
]
  .map(([column, name]) => {
    const answered = 'FILTER (WHERE http_status > 0 AND first_byte_time IS NOT NULL)'
    return `round(avg(coalesce(${column}, 0)) ${answered}, 1)::float8 AS ${name}`
  })
  .join(', ')

const step = `$4::float8 * interval '1 second'`

/** From the entries: to the millisecond. */
export function readMeasured(
  pool: pg.Pool,
  signal: AbortSignal,
  { id, from, to, stepSeconds }: Span,
): Promise<MeasuredStep[]> {
  const percentile = (share: number) =>
    `percentile_disc(${share}) WITHIN GROUP (ORDER BY response_time) FILTER (WHERE http_status > 0)`
  const text = `
    SELECT ${msOf(`date_bin(${step}, "timestamp", $2)`)} AS at, count(*)::integer AS checks,
           (count(*) FILTER (WHERE NOT available))::integer AS failures,
           ${percentile(0.5)} AS p50, ${percentile(0.95)} AS p95, ${means}
      FROM check_entry
     WHERE website_id = $1 AND "timestamp" >= $2::timestamptz AND "timestamp" < $3 AND NOT recheck
     GROUP BY 1 ORDER BY 1`
  return read(pool, signal, { text, values: [id, from, to, stepSeconds] })
}

export interface CountedStep {
  readonly at: number
  readonly checks: number
  readonly failures: number
  readonly responses: number
  readonly min: number | null
  readonly max: number | null
  /** As in check_hour. */
  readonly histogram: readonly number[]
}

/** From the rollups. Today's hours are a row each, also where the rest are days. */
export function readCounted(
  pool: pg.Pool,
  signal: AbortSignal,
  { id, from, to }: Span,
  unit: 'hour' | 'day',
): Promise<CountedStep[]> {
  const columns = 'checks, failures, responses, response_time_min AS min, response_time_max AS max, histogram'
  const today = `date_trunc('day', now(), 'UTC')`
  const hours = (since: string) => `
    SELECT ${msOf('hour')} AS at, ${columns} FROM check_hour
     WHERE website_id = $1 AND hour >= ${since} AND hour < $3`
  const days = `
    SELECT ${msOf(`day::timestamp AT TIME ZONE 'UTC'`)} AS at, ${columns} FROM check_day
     WHERE website_id = $1 AND day >= ($2::timestamptz AT TIME ZONE 'UTC')::date
       AND day < least(($3::timestamptz AT TIME ZONE 'UTC')::date + 1, (now() AT TIME ZONE 'UTC')::date)`
  const text = unit === 'hour' ? hours('$2') : `${days} UNION ALL ${hours(`greatest($2, ${today})`)}`
  return read(pool, signal, { text: `${text} ORDER BY at`, values: [id, from, to] })
}

/** Of some checks of each step, which are spread over it: to read all of 90 days takes seconds. */
export function readSampledPhases(
  pool: pg.Pool,
  signal: AbortSignal,
  { id, from, to, stepSeconds }: Span,
): Promise<(PhaseMeans & { readonly at: number })[]> {
  const text = `
    SELECT ${msOf(`date_bin(${step}, part, $2)`)} AS at, ${means}
      FROM generate_series($2::timestamptz, $3::timestamptz - interval '1 second', ${step} / 4) AS part
     CROSS JOIN LATERAL (
           SELECT http_status, dns_time, connect_time, tls_time, first_byte_time, body_time FROM check_entry
            WHERE website_id = $1 AND "timestamp" >= part AND "timestamp" < part + ${step} / 4
            ORDER BY "timestamp" LIMIT 4) AS entry
     GROUP BY 1`
  return read(pool, signal, { text, values: [id, from, to, stepSeconds] })
}
