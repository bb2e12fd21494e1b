import type pg from 'pg'
import { retry } from '../retry.ts'
import type { Service } from '../service.ts'
import { openDatabase } from './database.ts'
import { MigrationError } from './migrationError.ts'
import { type MigrateOptions, migrate, schemaVersion } from './migrations.ts'
import { ensurePartitions } from './partitions.ts'

const partitionsEverySeconds = 3_600

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
      // A role without rights on the tables can work as long as somebody else makes the partitions.
      if (mayMigrate || !(error instanceof MigrationError)) throw error
      logger.warn(error.message)
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
