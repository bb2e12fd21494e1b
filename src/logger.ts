import { pino } from 'pino'
import type { Parser } from './configValue.ts'

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
 * JSON on standard output, one object a line: `level` by name, `time` as ISO 8601, ids as fields, `msg` last.
 */
export function createLogger(service: string, level: Level): Logger {
  return pino({
    level,
    base: { service, pid: process.pid },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    // Whole error objects can carry addresses, headers and passwords: a line gets the message alone.
    serializers: { err: (error: unknown) => (error instanceof Error ? error.message : String(error)) },
  })
}
