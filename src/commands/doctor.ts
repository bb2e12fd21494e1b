import type { Command } from 'commander'
import type { Config } from '../config.ts'
import { ConfigError } from '../configSource.ts'
import { diagnoseDatabase } from '../database/diagnosis.ts'
import { diagnoseDns } from '../doctor/dns.ts'
import { diagnoseSpool } from '../doctor/spool.ts'
import { type Finding, note, well, wrong } from '../finding.ts'
import { diagnoseKafka } from '../kafka/diagnosis.ts'
import type { Logger } from '../logger.ts'
import { exitCodes, run } from './commandLine.ts'
import type { Context } from './context.ts'
import { table } from './table.ts'

const help = `
Looks at the configuration, the database and its tables, who of the producers holds what, the clocks, the brokers, the
topic, the group and its lag, the names of websites, and the spool. Changes nothing, and shows no password. Run it where
the producer runs, as its user.
Exit code 0: all is well; 1: something is wrong.`

export function addDoctor(program: Command): void {
  program
    .command('doctor')
    .description('Finds out what is wrong, and says what to do.')
    .addHelpText('after', help)
    .action((_: object, command: Command) =>
      run(command, async (context) => {
        const findings = await diagnose(context)
        const isWell = findings.every(({ state }) => state !== 'wrong')
        context.answer({ well: isWell, findings }, textOf(findings))
        return isWell ? exitCodes.done : exitCodes.no
      }),
    )
}

async function diagnose(context: Context): Promise<Finding[]> {
  const read = readConfiguration(context)
  if (read.config === undefined) return read.findings
  const { config } = read
  const [database, kafka, spool] = await Promise.all([
    diagnoseDatabase(config, silent),
    diagnoseKafka(config, silent),
    diagnoseSpool(config),
  ])
  const dns = await diagnoseDns(config, database.urls)
  return [...read.findings, ...database.findings, ...kafka, dns, spool]
}

function readConfiguration(context: Context): { config?: Config; findings: Finding[] } {
  try {
    const { config, warnings } = context.readConfig()
    const notes = warnings.map((warning) => note('configuration', warning))
    return { config, findings: notes.length > 0 ? notes : [well('configuration', 'is right')] }
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return { findings: [wrong('configuration', error.message, 'correct that; nothing else was looked at')] }
  }
}

/** What happens on the way is in the findings. */
const silence = () => undefined
const silent: Logger = { trace: silence, debug: silence, info: silence, warn: silence, error: silence, fatal: silence }

function textOf(findings: readonly Finding[]): string {
  const marks = { well: 'ok', note: 'note', wrong: 'WRONG' }
  const rows = findings.flatMap(({ part, state, message, advice }) => [
    [marks[state], part, message],
    ...(advice === null ? [] : [['', '', `-> ${advice}`]]),
  ])
  return table(['', 'part', 'finding'], rows, { widest: 1_000 })
}
