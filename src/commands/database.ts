import type { Command } from 'commander'
import { migrate, schemaVersion } from '../database/migrations.ts'
import { ensurePartitions } from '../database/partitions.ts'
import { exitCodes, run } from './commandLine.ts'
import { reached, withDatabase } from './withDatabase.ts'

const migrateHelp = `
For set-ups with database.migrate: false, where the services may not change tables: run it as a role that may, with
WEBMON_DATABASE_USER and WEBMON_DATABASE_PASSWORD. Services may run meanwhile. The partitions of the next month are made
as well. Exit code 0: the tables are up to date.`

const statusHelp = `
Exit code 0: the tables are up to date, or of a newer webmon; 1: they are older.`

export function addDatabase(program: Command): void {
  const group = program.command('database').description('Looks after the tables.')
  group
    .command('migrate')
    .description('Makes the tables, or brings older ones up to date; those of the original, too.')
    .addHelpText('after', migrateHelp)
    .action((_: object, command: Command) =>
      run(command, (context) =>
        withDatabase(context, { timeoutMs: 0 }, async (database, config) => {
          const before = await reached(schemaVersion(database), config)
          const { intervalSeconds } = config.monitoring
          await migrate(database, { logger: context.logger, intervalSeconds })
          await ensurePartitions(database, { logger: context.logger })
          const { version } = await schemaVersion(database)
          context.answer({ version, applied: before.pending }, `the tables are up to date (${version})`)
        }),
      ),
    )
  group
    .command('status')
    .description('Tells which files of sql/ have been applied.')
    .addHelpText('after', statusHelp)
    .action((_: object, command: Command) =>
      run(command, (context) =>
        withDatabase(context, {}, async (database, config) => {
          const { version, known, pending } = await reached(schemaVersion(database), config)
          const text =
            pending.length > 0
              ? `older: ${pending.join(', ')} not applied; run webmon database migrate`
              : `up to date (${version}${version > known ? `, of a newer webmon; this one knows ${known}` : ''})`
          context.answer({ version, known, pending }, text)
          return pending.length > 0 ? exitCodes.no : exitCodes.done
        }),
      ),
    )
}
