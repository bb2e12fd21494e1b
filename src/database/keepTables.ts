import type pg from 'pg'
import { retry } from '../retry.ts'
import type { Service } from '../service.ts'
import { closeDays } from './closeDays.ts'
import { partitionStart } from './partitions.ts'
import { dayMs } from './period.ts'
import { applyRetention, originalGoesAt } from './retention.ts'
import { describeVolume, readVolume } from './volume.ts'

const daysEverySeconds = 300
const retentionEverySeconds = 3_600
/** The first time comes soon after the start, for a service that never runs for an hour. */
const firstRetentionAfterSeconds = 60

/**
 * The chores of the tables, which one of all consumers does at a time: `check_day` is filled, and what is older than the
 * retention goes. Tells how much there will be.
 */
export async function keepTables(pool: pg.Pool, service: Service): Promise<void> {
  const { config, logger, stopping: signal } = service
  const { retention } = config.database
  const tell = async () => {
    const volume = await readVolume(pool, config.monitoring.intervalSeconds, retention)
    logger.info({ ...volume }, describeVolume(volume, retention.entryDays))
    const original = await originalGoesAt(pool, retention)
    if (original === undefined) return
    const day = original.toISOString().slice(0, 10)
    logger.warn(
      { date: day },
      `the rows of the original (check_entry_original) go on ${day}, all at once: database.retention.entries is ${retention.entryDays}`,
    )
  }
  await retry('reading what there will be', tell, { signal, logger })

  service.every(daysEverySeconds, 'filling check_day', () => {
    const oldest = partitionStart('check_hour', new Date(Date.now() - retention.hourDays * dayMs))
    const from = retention.hourDays === 0 ? undefined : new Date(oldest).toISOString().slice(0, 10)
    return closeDays(pool, { logger, signal, ...(from && { from }) })
  })
  let nextMs = 0
  service.every(firstRetentionAfterSeconds, 'applying the retention', async () => {
    if (Date.now() < nextMs) return
    await applyRetention(pool, retention, { logger, signal })
    nextMs = Date.now() + retentionEverySeconds * 1000
  })
}
