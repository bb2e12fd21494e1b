import pg from 'pg'

/** A deadlock or a serialization failure: the other one has gone on by now. */
export function isConflict(error: unknown): boolean {
  return error instanceof pg.DatabaseError && (error.code === '40P01' || error.code === '40001')
}
