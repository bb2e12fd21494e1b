import pg from 'pg'
import type { CheckEntry } from '../checkEntry.ts'
import type { Statement } from './database.ts'

/** A value that does not fit, a missing one, a CHECK with a name: this row will never be taken. */
export function isRefusal(error: unknown): error is pg.DatabaseError {
  if (!(error instanceof pg.DatabaseError)) return false
  const { code = '', constraint } = error
  return /^22|^23502$/.test(code) || (code === '23514' && constraint !== undefined)
}

/**
 * Whether `check_entry` itself refuses an entry with which the storing was refused, and in which words. It is no dead
 * letter when it is there already (its message came again, and a CHECK is newer than the row), nor when what is refused
 * is its hour in the rollup: a trigger or a CHECK that somebody put there can be mended, and until then everything waits,
 * because to count the hour without the entry, or to keep the entry without counting it, would both be wrong for good.
 *
 * @param alone inserts the entry, and nothing else; it is undone
 * @param refusal of the whole
 * @throws {pg.DatabaseError} the refusal, when it is not the entry's
 */
export async function refusedByItself(
  client: pg.ClientBase,
  entry: CheckEntry,
  alone: Statement,
  refusal: pg.DatabaseError,
): Promise<string | undefined> {
  const { rows } = await client.query<{ exists: boolean }>(
    `SELECT EXISTS (SELECT FROM check_entry
                     WHERE website_id = $1 AND "timestamp" = $2 AND check_entry_id = $3)`,
    [entry.websiteId, entry.timestamp, entry.id],
  )
  if (rows[0]?.exists) return undefined
  await client.query('SAVEPOINT alone')
  try {
    await client.query(alone.text, alone.values)
  } catch (error) {
    if (isRefusal(error)) return `PostgreSQL refuses it: ${error.message}`
    throw error
  } finally {
    await client.query('ROLLBACK TO SAVEPOINT alone; RELEASE SAVEPOINT alone').catch(() => undefined)
  }
  throw refusal
}
