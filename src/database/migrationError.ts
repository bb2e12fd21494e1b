import pg from 'pg'
import { FatalError } from '../retry.ts'

/** The tables cannot be brought into shape, and no waiting mends it. The message is one line that says what does. */
export class MigrationError extends FatalError {
  override readonly name = 'MigrationError'
}

/** A server that starts, stops, is full or a standby, a lost connection, a lock, a deadlock: later it may work. */
const passing = /^(08|25006|40|53|55P03|57|58)/

/** An error of PostgreSQL that waiting does not mend, as one line; any other error as it is. */
export function asMigrationError(error: unknown, what: string): unknown {
  if (!(error instanceof pg.DatabaseError) || passing.test(error.code ?? '')) return error
  const parts = [`${what}: ${error.message}`, error.detail, error.hint].filter((part) => part)
  return new MigrationError(parts.join('; ').replaceAll(/\s+/g, ' '), { cause: error })
}
