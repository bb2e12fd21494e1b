import type { Config } from '../config.ts'
import { type Database, openDatabase } from '../database/database.ts'
import { schemaVersion } from '../database/migrations.ts'
import { messageOf } from '../retry.ts'
import { CommandError } from './commandLine.ts'
import type { Context } from './context.ts'

/**
 * Lends the database of the configuration to a command that needs its tables as they are now.
 *
 * @throws {CommandError} when it cannot be reached, or its tables are older
 */
export function withTables<T>(context: Context, work: (database: Database, config: Config) => Promise<T>): Promise<T> {
  return withDatabase(context, {}, async (database, config) => {
    const { pending } = await reached(schemaVersion(database), config)
    if (pending.length > 0) {
      throw new CommandError(
        `the tables are older than this webmon (${pending.join(', ')}): run webmon database migrate`,
      )
    }
    return await work(database, config)
  })
}

/** @param options.timeoutMs 0: a statement may take as long as it needs */
export async function withDatabase<T>(
  context: Context,
  options: { readonly timeoutMs?: number },
  work: (database: Database, config: Config) => Promise<T>,
): Promise<T> {
  const config = context.config()
  const name = `${config.application.name} command`
  const database = openDatabase(config.database, { name, connections: 2, ...options }, context.logger)
  try {
    return await work(database, config)
  } finally {
    await database.end()
  }
}

/** What fails first is the way to the database. */
export async function reached<T>(answer: Promise<T>, { database }: Config): Promise<T> {
  try {
    return await answer
  } catch (error) {
    const where = `the database ${database.db} at ${database.host}:${database.port}`
    throw new CommandError(`${where}: ${messageOf(error)}; webmon doctor says more`)
  }
}
