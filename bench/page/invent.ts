/** A made-up list of websites with 90 days behind them, as an engineer might have one. */
import type pg from 'pg'
import { ensurePartitionFor } from '../../src/database/partitions.ts'

const quiet = { info: () => undefined, warn: console.error, debug: () => undefined }
const parts = [
  'Shop',
  'Checkout',
  'Search',
  'Accounts',
  'Blog',
  'Docs',
  'Status API',
  'Payments',
  'Images',
  'Mail',
  'Maps',
  'Partner portal',
]
const places = ['Berlin', 'Lisbon', 'Oslo', 'Osaka', 'Quito']
const dayMs = 86_400_000

/** @returns how many there are */
export async function inventWebsites(pool: pg.Pool): Promise<number> {
  await pool.query('DELETE FROM website')
  const names = parts.flatMap((part, n) => places.slice(0, 2 + (n % 4)).map((place) => ({ part, place })))
  for (const [n, { part, place }] of names.entries()) {
    const slug = part.toLowerCase().replace(' ', '-')
    await pool.query(
      `INSERT INTO website (name, url, regex, tags, status, "timestamp", interval, certificate_expires, certificate_issuer)
       VALUES ($1, $2, 'Welcome', $3, 'active', now() - $4 * interval '1 day', 60, now() + $5 * interval '1 day', $6)`,
      [
        `${part} ${place}`,
        `https://${slug}.${place.toLowerCase()}.example/`,
        [slug, place.toLowerCase()],
        n % 7 === 3 ? 41 : 300,
        9 + ((n * 17) % 80),
        "Let's Encrypt, R12",
      ],
    )
  }
  const days = Array.from({ length: 92 }, (_, n) => new Date(Date.now() - n * dayMs))
  await ensurePartitionFor(pool, days, { logger: quiet })
  await fillHours(pool)
  await fillEntries(pool)
  await makeIncidents(pool)
  return names.length
}

/** Outages of some hours, days of which nothing is known, and slow hours in the day. */
async function fillHours(pool: pg.Pool): Promise<void> {
  await pool.query(`
    INSERT INTO check_hour
    SELECT website_id, hour, checks, least(failures, checks), checks * 60, greatest(0, checks - failures), greatest(0, checks - failures) * ms, ms / 3, ms * 4,
           CASE WHEN ms < 100 THEN ARRAY[0, 0, 2, 40, 14, 3, 1, 0, 0, 0, 0] ELSE ARRAY[0, 0, 0, 8, 38, 12, 2, 0, 0, 0, 0] END
      FROM (SELECT website_id, hour, CASE WHEN n % 11 = 5 AND age BETWEEN 30 AND 33 THEN 20
                        ELSE least(60, 1 + extract(minute FROM now() - hour) + 60 * extract(hour FROM now() - hour)
                                         + 1440 * age)::integer END AS checks,
                   CASE WHEN (hash % 1700) < 2 AND age > 0 THEN 60 * (hash % 3 + 1) / 4 ELSE 0 END AS failures,
                   (40 + n * 5 + 30 * (1 + sin(extract(epoch FROM hour) / 13751)) + hash % 17)::integer AS ms, age, n
              FROM (SELECT *, abs(hashtext(website_id::text || hour)) AS hash, extract(day FROM now() - hour) AS age
                      FROM (SELECT website_id, "timestamp" AS added, row_number() OVER (ORDER BY name) AS n FROM website) AS website,
                           generate_series(date_trunc('hour', now(), 'UTC') - interval '91 days',
                                           date_trunc('hour', now(), 'UTC'), '1 hour') AS hour
                     WHERE hour > added) AS hours) AS numbers
     -- A monitor that stood still leaves a gap.
     WHERE age NOT BETWEEN 52 AND 53 AND NOT (n % 9 = 4 AND age BETWEEN 8 AND 14)
     ORDER BY hour, website_id`)
  await pool.query(`
    INSERT INTO check_day
    SELECT website_id, (hour AT TIME ZONE 'UTC')::date, sum(checks), sum(failures), sum(covered), sum(responses),
           sum(response_time_sum), min(response_time_min), max(response_time_max),
           CASE WHEN max(response_time_max) < 400 THEN ARRAY[0, 0, 48, 960, 336, 72, 24, 0, 0, 0, 0]
                ELSE ARRAY[0, 0, 0, 192, 912, 288, 48, 0, 0, 0, 0] END
      FROM check_hour WHERE hour < date_trunc('day', now(), 'UTC') GROUP BY 1, 2 ORDER BY 2, 1`)
  await pool.query(`INSERT INTO rollup_state (closed) VALUES (date_trunc('day', now(), 'UTC'))
                    ON CONFLICT (only_row) DO UPDATE SET closed = EXCLUDED.closed`)
}

async function fillEntries(pool: pg.Pool): Promise<void> {
  await pool.query(`
    INSERT INTO check_entry (website_id, "timestamp", response_time, http_status, regex, regex_match, available,
                             dns_time, connect_time, tls_time, first_byte_time, body_time)
    SELECT website_id, at, ms, 200, 'Welcome', true, true, 3, 12, 18, ms - 33, 6
      FROM (SELECT website_id, at, (45 + n * 5 + 25 * (1 + sin(extract(epoch FROM at) / 13751))
                                       + random() * random() * 120)::integer AS ms
              FROM (SELECT website_id, row_number() OVER (ORDER BY name) AS n FROM website) AS website,
                   generate_series(now() - interval '26 hours', now() - interval '20 seconds', '1 minute') AS at
             WHERE n > 0 AND NOT (n = 1 AND at BETWEEN now() - interval '9 hours' AND now() - interval '7 hours')) AS entry`)
}

async function makeIncidents(pool: pg.Pool): Promise<void> {
  const failures = [
    { name: 'Payments Oslo', error: 'timeout', detail: 'First byte: no response within 10 s', status: 0, minutes: 74 },
    { name: 'Search Berlin', error: null, detail: null, status: 503, minutes: 12 },
  ]
  for (const { name, error, detail, status, minutes } of failures) {
    await pool.query(
      `WITH failed AS (
         UPDATE check_entry SET available = false, error = $2, detail = $3, http_status = $4, regex_match = false
           FROM website
          WHERE website.website_id = check_entry.website_id AND name = $1
            AND check_entry."timestamp" > now() - $5::integer * interval '1 minute'
         RETURNING check_entry.website_id, check_entry."timestamp", check_entry_id)
       INSERT INTO incident (website_id, started, check_entry_id, cause, detail, announced)
       SELECT website_id, "timestamp", check_entry_id, coalesce($2, 'http_status ' || $4::text), $3, true
         FROM failed ORDER BY "timestamp" LIMIT 1`,
      [name, error, detail, status, minutes],
    )
    await pool.query(
      `UPDATE check_hour SET failures = least(checks, greatest(0, $2::integer - extract(epoch FROM now() - hour) / 60 + 60))
         FROM website WHERE website.website_id = check_hour.website_id AND name = $1
          AND hour > now() - $2::integer * interval '1 minute' - interval '1 hour'`,
      [name, minutes],
    )
    await pool.query(`UPDATE website SET status = 'unavailable' WHERE name = $1`, [name])
  }
  await pool.query(`
    INSERT INTO incident (website_id, started, check_entry_id, ended, cause, detail, announced)
    SELECT website_id, now() - days * interval '1 day', gen_random_uuid(),
           now() - days * interval '1 day' + interval '17 minutes', 'refused', 'Connect: nothing listens there', true
      FROM website, unnest(ARRAY[19, 43]) AS days WHERE name LIKE 'Search%'`)
  await pool.query(`UPDATE website SET enabled = false WHERE name LIKE 'Mail%'`)
}
