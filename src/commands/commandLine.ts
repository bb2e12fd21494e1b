import { Command } from 'commander'
import { ConfigError } from '../configSource.ts'
import { messageOf } from '../retry.ts'
import { Context } from './context.ts'

/** What a command's exit code says; the help says the same. */
export const exitCodes = { done: 0, no: 1, usage: 2 } as const

const exitCodesHelp = `
Exit codes: 0 done; 1 the answer is no, or it could not be done; 2 wrong usage or configuration.`

/** Something that whoever typed the command has to correct: exit code 2. */
export class UsageError extends Error {}

/** Something that cannot be done as things are: one line, exit code 1. */
export class CommandError extends Error {}

/** The program without its commands. Each of these inherits what is set here. */
export function commandLine(): Command {
  return (
    new Command('webmon')
      .description('Handles webmon from outside: checks a website now, keeps the list of websites, finds faults.')
      .option('--config <file>', 'the configuration (default: what WEBMON_CONFIG_FILE names, or ./config.yaml)')
      .option('--json', 'print JSON, for programs')
      .configureHelp({ showGlobalOptions: true })
      // Of --heder='Authorization: Bearer ...' it would show all.
      .configureOutput({ outputError: (text, write) => write(text.replace(/('--?[\w-]+=).*?'\n/s, "$1...'\n")) })
      .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? exitCodes.done : exitCodes.usage))
      .addHelpText('afterAll', exitCodesHelp)
  )
}

/**
 * Runs what a command does. Its errors become one line on standard error.
 *
 * @param work gives the exit code; nothing: 0
 */
export async function run(
  command: Command,
  work: (context: Context) => Promise<number | undefined> | Promise<void>,
): Promise<void> {
  // A reader that has seen enough (`webmon website list | head`) is no fault.
  process.stdout.on('error', ({ code }: NodeJS.ErrnoException) => process.exit(code === 'EPIPE' ? 0 : 1))
  const { config, json = false } = command.optsWithGlobals<{ config?: string; json?: boolean }>()
  try {
    process.exitCode = (await work(new Context(config, json))) ?? exitCodes.done
  } catch (error) {
    process.stderr.write(`${messageOf(error)}\n`)
    const isUsage = error instanceof UsageError || error instanceof ConfigError
    process.exitCode = isUsage ? exitCodes.usage : exitCodes.no
  }
}
