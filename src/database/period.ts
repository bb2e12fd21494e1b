/** Days and months of UTC, in milliseconds of the Unix epoch. */
export interface Period {
  readonly from: number
  /** Where the next one begins. */
  readonly to: number
}

export const dayMs = 86_400_000

export function periodOf(time: Date, unit: 'day' | 'month'): Period {
  const from = Date.UTC(time.getUTCFullYear(), time.getUTCMonth(), unit === 'day' ? time.getUTCDate() : 1)
  if (unit === 'day') return { from, to: from + dayMs }
  return { from, to: Date.UTC(time.getUTCFullYear(), time.getUTCMonth() + 1, 1) }
}

/** The one of this time, and those of so many days after it. */
export function periodsFrom(time: Date, daysAhead: number, unit: 'day' | 'month'): Period[] {
  const periods = [periodOf(time, unit)]
  const last = periodOf(new Date(time.getTime() + daysAhead * dayMs), unit).from
  for (let { from, to } = periods[0] as Period; from < last; ) {
    const next = periodOf(new Date(to), unit)
    periods.push(next)
    from = next.from
    to = next.to
  }
  return periods
}

/** As a bound of PostgreSQL's; a bound of type `date` takes the day of it. */
export const midnight = (ms: number) => `${new Date(ms).toISOString().slice(0, 10)} 00:00:00+00`

/** `'2026-11-24 00:00:00+00'`, `'2026-11-24'`, MINVALUE, MAXVALUE, and what lies outside of JavaScript's calendar. */
export function boundMs(bound: string): number {
  const time = Date.parse(bound.replace(/^'(\S+) (\S+)\+00'$/, '$1T$2Z').replace(/^'(\S+)'$/, '$1T00:00:00Z'))
  if (!Number.isNaN(time)) return time
  return /MINVALUE|-infinity|BC/.test(bound) ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY
}
