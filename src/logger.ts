import { pino } from 'pino'
import type { Parser } from './configValue.ts'
import { Repeats } from './repeats.ts'

export type Logger = Pick<pino.Logger, 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal'>

const levels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const
export type Level = (typeof levels)[number]

/** Python's names, which the original's users have in their files, beside pino's. */
const pythonLevels: Record<string, Level> = { warning: 'warn', critical: 'fatal' }

export const level: Parser<Level> = {
  expected: 'one of DEBUG, INFO, WARNING, ERROR, CRITICAL (or trace, debug, info, warn, error, fatal)',
  parse(value) {
    const name = value.toLowerCase()
    return pythonLevels[name] ?? levels.find((known) => known === name)
  },
}

/**
 * On a terminal lines for people; else JSON on standard output, one object a line: `level` by name, `time` as ISO 8601,
 * ids as fields, `msg` last.
 *
 * A line with the field `repeats` is one of those that may come over and over, and the field says which: the first is
 * written at once, then one a minute with how many there were (`times`). The others are there at debug level.
 */
export async function createLogger(service: string, level: Level): Promise<Logger> {
  const repeats = new Repeats()
  const options: pino.LoggerOptions = {
    level,
    base: { service, pid: process.pid },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    // Whole error objects can carry addresses, headers and passwords: a line gets the message alone.
    serializers: { err: (error: unknown) => (error instanceof Error ? error.message : String(error)) },
    hooks: {
      logMethod(args, method) {
        const [given, msg] = args as unknown as [unknown, string]
        if (!isRepeating(given)) return method.apply(this, args)
        const { repeats: what, ...fields } = given
        const write = (times: number) =>
          times === 1
            ? method.call(this, fields as never, msg as never)
            : method.call(this, { ...fields, times } as never, `${msg} (${times} times in the last minute)` as never)
        if (!repeats.tell(what, write)) this.debug(fields, msg)
      },
    },
  }
  return process.stdout.isTTY ? pino(options, await forPeople()) : pino(options)
}

function isRepeating(given: unknown): given is { repeats: string } {
  return typeof given === 'object' && given !== null && 'repeats' in given
}

/** Loaded only where there is somebody to read it. */
async function forPeople(): Promise<pino.DestinationStream> {
  const { default: pretty } = await import('pino-pretty')
  return pretty({ sync: true, translateTime: 'SYS:HH:MM:ss', ignore: 'pid,service', messageFormat: '{service}: {msg}' })
}
