/**
 * 15 kinds of website through the whole pipeline: the right http_status, regex_match, error and status, and a
 * response_time within 20 ms of the server's own time from accept to headers (median of 10 checks).
 *
 *     npm run bench:kinds
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { kinds } from '../tests/helpers/kinds.ts'
import { until } from '../tests/helpers/services.ts'
import { startWebsites } from '../tests/helpers/websites.ts'
import { median, report, withStack } from './stack.ts'

const checks = 10
const websites = await startWebsites()
await withStack(
  { WEBMON_MONITORING_INTERVAL: '2', WEBMON_MONITORING_TIMEOUT: '2' },
  async ({ pool, startProducer }) => {
    for (const { name, path, regex } of kinds) {
      await pool.query('INSERT INTO website (name, url, regex) VALUES ($1, $2, $3)', [
        name,
        websites.urlOf(path),
        regex,
      ])
    }
    await startProducer()
    console.log(`${kinds.length} kinds of website, ${checks} checks each`)
    await until(
      async () => {
        const { rows } = await pool.query('SELECT 1 FROM check_entry GROUP BY website_id HAVING count(*) >= $1', [
          checks,
        ])
        return rows.length === kinds.length
      },
      120_000,
      () => `${checks} entries of each website`,
    )
    await sleep(100)
    let wrong = 0
    const differences: number[] = []
    for (const kind of kinds) {
      const { rows } = await pool.query(
        `SELECT website.status, http_status, regex_match, error, response_time
         FROM website JOIN check_entry USING (website_id) WHERE name = $1`,
        [kind.name],
      )
      const bad = rows.filter(
        (row) =>
          row.http_status !== kind.httpStatus ||
          row.regex_match !== kind.match ||
          row.error !== kind.error ||
          row.status !== kind.status,
      )
      wrong += bad.length
      // Only where headers came is there a time of the server's to compare with; of a redirect, that of the last request.
      const own = websites.log.filter(
        (seen) => seen.website === kind.path && seen.headersAtMs !== undefined && !seen.redirected,
      )
      const serverMs = median(own.map((seen) => (seen.headersAtMs as number) - seen.acceptedAtMs))
      const recordedMs = median(rows.map((row) => row.response_time))
      const difference = Math.abs(recordedMs - serverMs)
      if (kind.httpStatus > 0 && own.length > 0) differences.push(difference)
      const server = own.length > 0 ? `${serverMs.toFixed(1)} ms by the server` : 'no headers'
      console.log(
        `     ${kind.name}: ${rows.length} entries, ${bad.length} wrong, ${recordedMs} ms recorded, ${server}`,
      )
      for (const row of bad.slice(0, 3)) console.log(`       wrong: ${JSON.stringify(row)}`)
    }
    report('entries or statuses that are wrong', wrong, 0)
    report('largest difference of a response time', Math.max(...differences), 20, ' ms')
  },
)
await websites.stop()
