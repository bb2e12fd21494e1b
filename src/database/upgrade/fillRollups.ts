import type pg from 'pg'
import { asMigrationError } from '../migrationError.ts'
import { makeFirstPartitions } from '../partitions.ts'
import { addHours, hoursOf, lastHourEnd, makeDays } from '../rollups.ts'

/** No website was watched before; what is older has a time that somebody mistyped, and no month is made for it. */
const earliest = `'2000-01-01 00:00:00+00'`

/** What the original, whose rows have no `available`, means by it. */
const available = 'coalesce(check_entry.available, error IS NULL AND http_status BETWEEN 100 AND 399 AND regex_match)'

const counted = `check_entry WHERE NOT recheck AND check_entry."timestamp" >= ${earliest}`

/**
 * Makes the first partitions, and the rollups of the entries that are there: those of an original that was upgraded.
 *
 * @param intervalSeconds of websites that have none of their own
 */
export async function fillRollups(
  client: pg.ClientBase,
  intervalSeconds: number,
  step: (name: string) => void,
): Promise<void> {
  try {
    // An entry that is stored meanwhile would be in no rollup.
    step('waiting for those who store')
    await client.query('LOCK TABLE check_entry IN SHARE ROW EXCLUSIVE MODE')
    step('reading the months')
    const { rows } = await client.query<{ month: Date }>(
      `SELECT DISTINCT date_trunc('month', "timestamp", 'UTC') AS month FROM ${counted}`,
    )
    await makeFirstPartitions(
      client,
      rows.map(({ month }) => month),
    )
    step('adding up the hours')
    const entries = `(SELECT check_entry.website_id, check_entry."timestamp", http_status, response_time,
                             ${available} AS available, coalesce(website.interval, $1) AS interval
                        FROM ${counted.replace(' WHERE', ' LEFT JOIN website USING (website_id) WHERE')}) AS entry`
    await client.query(addHours(`(${hoursOf(entries, 'sum(interval)')}) AS hours`), [intervalSeconds])
    step('adding up the days')
    // Read once: an hour that ends in between would be in no day.
    const { rows: clock } = await client.query<{ until: Date }>(`SELECT ${lastHourEnd} AS until`)
    const until = [clock[0]?.until.toISOString()]
    await client.query(makeDays('$1::timestamptz'), until)
    await client.query('INSERT INTO rollup_state (closed) VALUES ($1)', until)
  } catch (error) {
    throw asMigrationError(error, 'adding up the rows that are there failed, nothing was changed')
  }
}
