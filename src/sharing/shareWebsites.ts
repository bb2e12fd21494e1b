import { hostname } from 'node:os'
import { openDatabase } from '../database/database.ts'
import { retry } from '../retry.ts'
import type { Schedule } from '../schedule.ts'
import type { Service } from '../service.ts'
import { uuidv7 } from '../uuid.ts'
import { Leases } from './leases.ts'
import type { WebsiteList } from './websiteList.ts'

/** Twice that, and the lease has not ended yet: then it is known that the database cannot be reached. */
const answerWithinMs = 3_000

/** This producer's part in what all producers do: it holds nothing before `followShards`. */
export function shareWebsites(service: Service): Leases {
  const { config, logger, health } = service
  const database = openDatabase(
    config.database,
    { name: `${config.application.name} producer leases`, connections: 1, timeoutMs: answerWithinMs },
    logger,
  )
  service.onStop('database of the leases', () => database.end())
  // The id is of its start: the oldest comes first, so that a newcomer changes no share but by its own.
  const leases = new Leases({ database, id: uuidv7(), name: `${hostname()} ${process.pid}`, logger })
  health.state('shards', () => (leases.held.length === 0 ? 'standing by' : undefined))
  return leases
}

/** At once, not in its turn: no new work from the first moment of a stop, and the others go on where this one ended. */
export function giveBackAtStop(service: Service, leases: Leases, schedule: Pick<Schedule, 'stop'>): void {
  let left: Promise<void> | undefined
  const stop = () => {
    left = leases.stop(schedule.stop())
    left.catch(() => undefined)
  }
  service.stopping.addEventListener('abort', stop, { once: true })
  service.onStop('leases', () => left)
}

/** Takes shards, and reads their websites: now, and whenever they are other ones. */
export async function followShards(service: Service, leases: Leases, list: WebsiteList): Promise<void> {
  const { config, logger, stopping: signal } = service
  const { intervalSeconds } = config.monitoring
  const read = async () => {
    try {
      await retry('reading the websites', () => list.read(), { signal, logger })
      logger.info({ websites: list.size, interval: intervalSeconds }, `checking ${list.size} websites`)
    } catch (error) {
      if (!signal.aborted) service.fail(error)
    }
  }
  await retry('taking shards of the websites', () => leases.start(() => void read()), { signal, logger })
  await read()
}
