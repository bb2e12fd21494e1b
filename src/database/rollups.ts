/** The SQL of `check_hour` and `check_day`. */

/** Upper bounds of the histogram's classes, in ms; the last class holds what took longer than the last one. */
export const histogramBoundsMs = [10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000] as const

const classes = histogramBoundsMs.length + 1

/** Of UTC, and quicker than date_trunc, which looks up the zone for every row. */
const hourOf = (time: string) => `date_bin('1 hour', ${time}, '2000-01-01 00:00:00+00')`

const columns =
  'checks, failures, covered, responses, response_time_sum, response_time_min, response_time_max, histogram'

/**
 * The rows of `check_hour` that some entries make.
 *
 * @param from what gives website_id, "timestamp", available, http_status and response_time
 * @param covered an aggregate: the seconds that the entries cover
 */
export function hoursOf(from: string, covered: string): string {
  const response = 'FILTER (WHERE http_status > 0)'
  const histogram = Array.from({ length: classes }, (_, n) => {
    const above = n > 0 ? ` AND response_time > ${histogramBoundsMs[n - 1]}` : ''
    const upTo = n < classes - 1 ? ` AND response_time <= ${histogramBoundsMs[n]}` : ''
    return `count(*) FILTER (WHERE http_status > 0${above}${upTo})::integer`
  })
  return `
    SELECT website_id, ${hourOf('"timestamp"')} AS hour, count(*)::integer AS checks,
           (count(*) FILTER (WHERE NOT available))::integer AS failures, (${covered})::integer AS covered,
           (count(*) ${response})::integer AS responses,
           coalesce(sum(response_time) ${response}, 0) AS response_time_sum,
           min(response_time) ${response} AS response_time_min, max(response_time) ${response} AS response_time_max,
           ARRAY[${histogram.join(', ')}] AS histogram
      FROM ${from}
     GROUP BY 1, 2`
}

/**
 * Adds hours to those that are there, in the order of the key: sessions side by side lock them in one order.
 *
 * @param hours what gives the columns of `check_hour` in their order
 */
export function addHours(hours: string): string {
  const sums = ['checks', 'failures', 'covered', 'responses', 'response_time_sum'].map(
    (column) => `${column} = known.${column} + EXCLUDED.${column}`,
  )
  const histogram = Array.from(
    { length: classes },
    (_, n) => `known.histogram[${n + 1}] + EXCLUDED.histogram[${n + 1}]`,
  )
  return `
    INSERT INTO check_hour AS known (website_id, hour, ${columns})
    SELECT * FROM ${hours} ORDER BY website_id, hour
    ON CONFLICT (website_id, hour) DO UPDATE
       SET ${sums.join(', ')},
           response_time_min = least(known.response_time_min, EXCLUDED.response_time_min),
           response_time_max = greatest(known.response_time_max, EXCLUDED.response_time_max),
           histogram = ARRAY[${histogram.join(', ')}]`
}

/**
 * Makes the rows of one day (or of every day, without it) from the hours that ended until then.
 *
 * @param until a timestamp, as SQL
 * @param day of type date, as SQL
 */
export function makeDays(until: string, day?: string): string {
  const start = `(${day}::timestamp AT TIME ZONE 'UTC')`
  const ofDay = day === undefined ? '' : `AND hour >= ${start} AND hour < ${start} + interval '24 hours'`
  const histogram = Array.from({ length: classes }, (_, n) => `sum(histogram[${n + 1}])::integer`)
  const set = columns.split(', ').map((column) => `${column} = EXCLUDED.${column}`)
  const row = (table: string) => columns.replaceAll(/\w+/g, `${table}.$&`)
  return `
    INSERT INTO check_day AS known (website_id, day, ${columns})
    SELECT website_id, (hour AT TIME ZONE 'UTC')::date, sum(checks), sum(failures), sum(covered), sum(responses),
           sum(response_time_sum), min(response_time_min), max(response_time_max), ARRAY[${histogram.join(', ')}]
      FROM check_hour
     WHERE hour < ${until} ${ofDay}
     GROUP BY 1, 2 ORDER BY 1, 2
    ON CONFLICT (website_id, day) DO UPDATE SET ${set.join(', ')}
     WHERE (${row('known')}) IS DISTINCT FROM (${row('EXCLUDED')})`
}

/** The end of the last hour that is over, as the server's clock has it. */
export const lastHourEnd = hourOf('clock_timestamp()')
