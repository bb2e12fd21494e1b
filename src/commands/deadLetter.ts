import { type Command, Option } from 'commander'
import { whole } from '../configValue.ts'
import {
  type DeadLetterFilter,
  deleteDeadLetters,
  listDeadLetters,
  replayDeadLetters,
  type StoredDeadLetter,
} from '../database/deadLetters.ts'
import { timeText } from '../figures.ts'
import { withRepublish } from '../kafka/republish.ts'
import { run, UsageError } from './commandLine.ts'
import { table } from './table.ts'
import { parsed } from './websiteOptions.ts'
import { withTables } from './withDatabase.ts'

const replayHelp = `
Each message is published to kafka.topic as it came: key, value and time. Its row is deleted when Kafka has acknowledged
it; where that fails, the rest stays. What still cannot become a row is a dead letter again, with a new offset. An entry
that is stored already is not stored twice.`

interface Selection {
  readonly all?: true
  readonly reason?: string
}

export function addDeadLetters(program: Command): void {
  const group = program
    .command('dead-letter')
    .description('Looks after messages that could not become a row. An id is topic/partition/offset.')
  group
    .command('list')
    .description('Lists them, the newest first. --json has their keys and values, too.')
    .option('--reason <text>', 'only those with this in their reason')
    .addOption(parsed('--limit <number>', 'at most so many', whole(1, 100_000)).default(100))
    .action(({ reason, limit }: { reason?: string; limit: number }, command: Command) =>
      run(command, (context) =>
        withTables(context, async (database) => {
          const letters = await listDeadLetters(database, { reason }, limit)
          context.answer(letters.map(asJson), tableOf(letters))
        }),
      ),
    )
  selecting(group.command('replay').description('Publishes them again.').addHelpText('after', replayHelp)).action(
    (ids: string[], options: Selection, command: Command) =>
      run(command, async (context) => {
        const filter = filterOf(ids, options)
        await withTables(context, async (database, config) => {
          const name = `${config.application.name} command`
          const replayed = await withRepublish(config.kafka, name, context.logger, (republish) =>
            replayDeadLetters(database, filter, republish),
          )
          context.answer({ replayed }, `${replayed} replayed`)
        })
      }),
  )
  selecting(group.command('delete').description('Deletes them.')).action(
    (ids: string[], options: Selection, command: Command) =>
      run(command, async (context) => {
        const filter = filterOf(ids, options)
        await withTables(context, async (database) => {
          const deleted = await deleteDeadLetters(database, filter)
          context.answer({ deleted }, `${deleted} deleted`)
        })
      }),
  )
}

function selecting(command: Command): Command {
  return command
    .argument('[id...]', 'as list shows them')
    .addOption(new Option('--all', 'all of them').conflicts('reason'))
    .option('--reason <text>', 'those with this in their reason')
}

/** @throws {UsageError} where nothing is chosen: all is something to say */
function filterOf(ids: readonly string[], { all, reason }: Selection): DeadLetterFilter {
  const chosen = [ids.length > 0, all === true, reason !== undefined].filter(Boolean)
  if (chosen.length !== 1) throw new UsageError('expected ids, or --reason, or --all')
  const bad = ids.find((id) => !/^[\w.-]+\/\d+\/\d+$/.test(id))
  if (bad !== undefined) throw new UsageError(`${JSON.stringify(bad)}: expected topic/partition/offset`)
  return { ids: ids.length > 0 ? ids : undefined, reason }
}

function asJson({ key, value, ...rest }: StoredDeadLetter) {
  return { ...rest, key: key?.toString() ?? null, value: value?.toString() ?? null }
}

function tableOf(letters: readonly StoredDeadLetter[]): string {
  return table(
    ['id', 'stored', 'bytes', 'reason'],
    letters.map(({ id, stored, value, reason }) => [id, timeText(stored), String(value?.length ?? 0), reason]),
  )
}
