import { randomUUID } from 'node:crypto'
import { type Command, Option } from 'commander'
import { deliver } from '../alerts/deliver.ts'
import { wordsOf } from '../alerts/wording.ts'
import { whole } from '../configValue.ts'
import { type AlertState, alertStates, type ListedAlert, listAlerts } from '../database/alerts.ts'
import { timeText } from '../figures.ts'
import { messageOf } from '../retry.ts'
import { CommandError, exitCodes, run, UsageError } from './commandLine.ts'
import { table } from './table.ts'
import { parsed } from './websiteOptions.ts'
import { withTables } from './withDatabase.ts'

const testHelp = `
The message is sent at once, past the tables, from where the command runs. Exit code 0: all of them took it; 1: not.`

export function addAlerts(program: Command): void {
  const group = program.command('alert').description('Looks after alerts, which a consumer sends to alerts.receivers.')
  group
    .command('list')
    .description('Lists them, the newest first: those that wait, were given up (failed), or were sent.')
    .addOption(new Option('--state <state>', 'only these').choices(alertStates))
    .addOption(parsed('--limit <number>', 'at most so many', whole(1, 100_000)).default(100))
    .action(({ state, limit }: { state?: AlertState; limit: number }, command: Command) =>
      run(command, (context) =>
        withTables(context, async (database) => {
          const alerts = await listAlerts(database, state, limit)
          context.answer(alerts, tableOf(alerts))
        }),
      ),
    )
  group
    .command('test')
    .argument('[receiver...]', 'as alerts.receivers names them; left out: all')
    .description('Sends a message to receivers, and tells what they answer.')
    .addHelpText('after', testHelp)
    .action((names: string[], _: object, command: Command) =>
      run(command, async (context) => {
        const { receivers, smtp } = context.config().alerts
        const unknown = names.find((name) => !receivers.some((receiver) => receiver.name === name))
        if (unknown !== undefined) {
          const known = receivers.map(({ name }) => name).join(', ') || 'none'
          throw new UsageError(`${JSON.stringify(unknown)}: no receiver of this name; there are: ${known}`)
        }
        if (receivers.length === 0) throw new CommandError('there is no receiver: alerts.receivers names them')
        const meant = receivers.filter(({ name }) => names.length === 0 || names.includes(name))
        const results = await Promise.all(
          meant.map(async (receiver) => {
            const created = new Date().toISOString()
            const id = randomUUID()
            const alert = { id, kind: 'test' as const, subject: id, created, body: {} }
            try {
              const answer = await deliver(receiver, smtp, [alert], new AbortController().signal)
              return { receiver: receiver.name, sent: true, answer }
            } catch (error) {
              return { receiver: receiver.name, sent: false, answer: messageOf(error) }
            }
          }),
        )
        const rows = results.map(({ receiver, sent, answer }) => [receiver, sent ? 'sent' : 'FAILED', answer])
        context.answer(results, table(['receiver', '', 'answer'], rows))
        return results.every(({ sent }) => sent) ? exitCodes.done : exitCodes.no
      }),
    )
}

function tableOf(alerts: readonly ListedAlert[]): string {
  return table(
    ['created', 'receiver', 'state', 'attempts', 'alert', 'failure'],
    alerts.map((alert) => [
      timeText(alert.created),
      alert.receiver,
      alert.state,
      String(alert.attempts),
      wordsOf(alert).subject,
      alert.failure ?? '',
    ]),
  )
}
