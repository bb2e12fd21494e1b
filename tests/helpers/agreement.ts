import type pg from 'pg'

/** First response times of the classes of the histogram, from the second one on. */
const classes = [11, 21, 51, 101, 201, 501, 1_001, 2_001, 5_001, 10_001]

const histogram = ['0', ...classes]
  .map(
    (_, n) => `count(*) FILTER (WHERE http_status > 0 AND width_bucket(response_time, $1::integer[]) = ${n})::integer`,
  )
  .join(', ')

/** Where `check_hour` and `website.status` say something else than the rows of `check_entry`; nothing is good. */
export async function disagreements(pool: pg.Pool): Promise<string[]> {
  const hours = await pool.query(
    `WITH counted AS (
       SELECT website_id, date_trunc('hour', "timestamp", 'UTC') AS hour, count(*)::integer AS checks,
              (count(*) FILTER (WHERE NOT available))::integer AS failures,
              (count(*) FILTER (WHERE http_status > 0))::integer AS responses,
              coalesce(sum(response_time) FILTER (WHERE http_status > 0), 0) AS sum,
              min(response_time) FILTER (WHERE http_status > 0) AS min,
              max(response_time) FILTER (WHERE http_status > 0) AS max, ARRAY[${histogram}] AS histogram
         FROM check_entry WHERE NOT recheck GROUP BY 1, 2
     ), rolled_up AS (
       SELECT website_id, hour, checks, failures, responses, response_time_sum AS sum, response_time_min AS min,
              response_time_max AS max, histogram
         FROM check_hour
     )
     SELECT 'counted' AS source, * FROM (TABLE counted EXCEPT TABLE rolled_up) AS a
     UNION ALL
     SELECT 'check_hour', * FROM (TABLE rolled_up EXCEPT TABLE counted) AS b`,
    [classes],
  )
  const statuses = await pool.query(
    `SELECT website.website_id, status, newest.available
       FROM website CROSS JOIN LATERAL (
            SELECT available FROM check_entry WHERE check_entry.website_id = website.website_id
             ORDER BY "timestamp" DESC, check_entry_id DESC LIMIT 1) AS newest
      WHERE status <> CASE WHEN newest.available THEN 'active' ELSE 'unavailable' END`,
  )
  return [...hours.rows, ...statuses.rows].map((row) => JSON.stringify(row))
}
