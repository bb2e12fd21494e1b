import type pg from 'pg'
import { retry } from '../retry.ts'
import type { Service } from '../service.ts'
import { closeDays } from './closeDays.ts'
import { applyRetention, originalGoesAt } from './retention.ts'
import { describeVolume, readVolume } from './volume.ts'

const daysEverySeconds = 300
const retentionEverySeconds = 3_600

/**
 * The chores of the tables, which one of all consumers does at a time: `check_day` is filled, and what is older than the
 * retention goes. Tells how much there will be.
 */
export async function keepTables(pool: pg.Pool, service: Service, onPartitionDropped: () => void): Promise<void> {
  const { config, logger, stopping: signal } = service
  const { retention } = config.database
  const tell = async () => {
    const volume = await readVolume(pool, config.monitoring.intervalSeconds, retention)
    logger.info({ ...volume }, describeVolume(volume, retention))
    const original = await originalGoesAt(pool, retention)
    if (original === undefined) return
    const date = original.toISOString().slice(0, 10)
    const reason = `database.retention.entries is ${retention.entryDays}`
    logger.warn({ date }, `the rows of the original (check_entry_original) go on ${date}, all at once: ${reason}`)
  }
  await retry('reading what there will be', tell, { signal, logger })

  // One after the other: each takes two connections, which are all that the pool has besides those that store.
  let last: Promise<unknown> = Promise.resolve()
  const inTurn = (chore: () => Promise<void>) => () => {
    const turn = last.then(chore)
    last = turn.catch(() => undefined)
    return turn
  }
  const close = inTurn(() => closeDays(pool, { hourDays: retention.hourDays, logger, signal }))
  service.every(daysEverySeconds, 'filling check_day', close, { atOnce: true })
  const apply = inTurn(() => applyRetention(pool, retention, { logger, signal, onPartitionDropped }))
  service.every(retentionEverySeconds, 'applying the retention', apply, { atOnce: true })
}
