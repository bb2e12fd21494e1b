import { hostname } from 'node:os'
import { openDatabase } from '../database/database.ts'
import type { Service } from '../service.ts'
import { uuidv7 } from '../uuid.ts'
import { Leases } from './leases.ts'

/** Twice that, and the lease has not ended yet: then it is known that the database cannot be reached. */
const answerWithinMs = 3_000

/** This producer's part in what all producers do. */
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
