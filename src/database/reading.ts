import type pg from 'pg'
import { pipelined, type Statement } from './database.ts'

/**
 * People look at what others store: what is read for them takes one processor, gives up early, and writes nothing.
 * Compiling such a query takes longer than it saves.
 */
const limits =
  "SET LOCAL statement_timeout = '10s'; SET LOCAL jit = off; SET LOCAL max_parallel_workers_per_gather = 0; " +
  'SET TRANSACTION READ ONLY'

/** @throws when there is no answer within 10 s */
export function read<Row extends object>(pool: pg.Pool, signal: AbortSignal, statement: Statement): Promise<Row[]> {
  return pipelined(pool, signal, async (send) => {
    void send({ text: limits, values: [] })
    const answer = send(statement)
    return async () => (await answer).rows as Row[]
  })
}
