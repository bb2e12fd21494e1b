import type pg from 'pg'
import { Recent } from '../recent.ts'

/** Whether the database answers: what is wrong, in words, or undefined. Asks it once in 5 s at most. */
export function databaseTrouble(pool: pg.Pool): () => Promise<undefined> {
  const answer = new Recent(async () => {
    await pool.query('SELECT')
  })
  return async () => {
    await answer.get()
    return undefined
  }
}
