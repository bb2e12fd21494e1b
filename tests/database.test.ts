import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { transaction } from '../src/database/database.ts'
import { createStack, type Stack } from './helpers/stack.ts'

let stack: Stack
beforeAll(async () => {
  stack = await createStack()
})
afterAll(() => stack.stop())

const never = new AbortController().signal

describe('a transaction', () => {
  it('is rolled back when its action throws, and its connection is used again', async () => {
    await stack.pool.query('CREATE TABLE one (n integer)')
    const failing = transaction(stack.pool, never, async (client) => {
      await client.query('INSERT INTO one VALUES (1)')
      throw new Error('on purpose')
    })
    await expect(failing).rejects.toThrow('on purpose')
    expect((await stack.pool.query('SELECT * FROM one')).rowCount).toBe(0)
    await transaction(stack.pool, never, (client) => client.query('INSERT INTO one VALUES (2)'))
    expect((await stack.pool.query('SELECT * FROM one')).rowCount).toBe(1)
    expect(stack.pool.totalCount).toBe(1)
  })

  it.each(['a query runs', 'it is idle'])(
    'whose connection the server ends while %s is rejected, and nothing else happens',
    async (when) => {
      const uncaught: unknown[] = []
      const listen = (error: unknown) => uncaught.push(error)
      process.on('uncaughtException', listen)
      const broken = transaction(stack.pool, never, async (client) => {
        const { rows } = await client.query('SELECT pg_backend_pid() AS pid')
        const terminated = stack.pool.query('SELECT pg_terminate_backend($1)', [rows[0].pid])
        if (when === 'it is idle') await terminated.then(() => sleep(100))
        await client.query('SELECT pg_sleep(10)')
      })
      await expect(broken).rejects.toThrow(/terminat|not queryable/)
      await sleep(50)
      process.off('uncaughtException', listen)
      expect(uncaught).toEqual([])
    },
  )

  it('gives its connection up at once when the signal is aborted', async () => {
    const startMs = performance.now()
    const given = transaction(stack.pool, AbortSignal.timeout(200), (client) => client.query('SELECT pg_sleep(10)'))
    await expect(given).rejects.toThrow()
    expect(performance.now() - startMs).toBeLessThan(2_000)
    expect((await stack.pool.query('SELECT 1')).rowCount).toBe(1)
  })
})
