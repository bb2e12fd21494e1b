import type pg from 'pg'
import { retry } from '../retry.ts'
import type { Service } from '../service.ts'
import { openDatabase } from './database.ts'
import { MigrationError } from './migrationError.ts'
import { type MigrateOptions, migrate, schemaVersion } from './migrations.ts'
import { ensurePartitions } from './partitions.ts'

const partitionsEverySeconds = 3_600
/** A role that may not make partitions works as long as another one does, which may be away for some days. */
const fewDaysAhead = 7

/**
 * Waits for the database, brings its tables into this version's shape unless `database.migrate` is false, and keeps
 * partitions made ahead from then on. Both services do all of it, whichever comes first.
 *
 * @throws {MigrationError} with what to do, when waiting does not help
 */
export async function prepareTables(
  pool: pg.Pool,
  service: Service,
  onPartitionsMade: (count: number) => void,
): Promise<void> {
  const { config, logger, stopping: signal } = service
  const { host, port, db, migrate: mayMigrate } = config.database
  const makePartitions = async () => {
    try {
      await ensurePartitions(pool, { logger, signal, onPartitionsMade })
    } catch (error) {
      if (mayMigrate || !(error instanceof MigrationError)) throw error
      await tellOfFewPartitions(pool, service)
    }
  }
  await retry(
    `preparing the tables in ${db} at ${host}:${port}`,
    async () => {
      const { missing } = await schemaVersion(pool)
      if (!mayMigrate && missing !== null) throw new MigrationError(missing)
      // Nothing is missing at nearly every start: then it is one query, which is given up when nobody answers.
      if (missing === null) await migrate(pool, migrateOptions(service))
      else await migrateAtLeisure(service)
      await makePartitions()
    },
    { signal, logger },
  )
  service.every(partitionsEverySeconds, 'making partitions', makePartitions)
}

async function tellOfFewPartitions(pool: pg.Pool, { logger, stopping: signal }: Service): Promise<void> {
  try {
    await ensurePartitions(pool, { logger, signal, daysAhead: fewDaysAhead })
  } catch (error) {
    if (!(error instanceof MigrationError)) throw error
    const advice = 'run webmon database migrate as a role that may, and every night'
    logger.warn(`partitions are missing, or end within ${fewDaysAhead} days: ${advice}; ${error.message}`)
  }
}

/** On connections of its own: the index of a large table takes longer than any query of ours may take otherwise. */
async function migrateAtLeisure(service: Service): Promise<void> {
  const { config, logger } = service
  const name = `${config.application.name} migration`
  const pool = openDatabase(config.database, { name, connections: 2, timeoutMs: 0 }, logger)
  try {
    await migrate(pool, migrateOptions(service))
  } finally {
    await pool.end()
  }
}

function migrateOptions({ config, logger, stopping: signal }: Service): MigrateOptions {
  return { logger, signal, intervalSeconds: config.monitoring.intervalSeconds }
}
