import fc from 'fast-check'
import type pg from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { BinaryArray } from '../src/database/binaryArray.ts'
import { createDatabase, openPool } from './helpers/stack.ts'

let pool: pg.Pool
beforeAll(async () => {
  pool = openPool(await createDatabase())
})
afterAll(() => pool.end())

const orNull = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { freq: 2 })
const row = fc.record({
  id: fc.uuid(),
  truth: orNull(fc.boolean()),
  small: orNull(fc.integer({ min: -32_768, max: 32_767 })),
  whole: orNull(fc.integer()),
  text: orNull(fc.string({ unit: 'grapheme' }).filter((text) => !text.includes('\0') && text.isWellFormed())),
  ms: orNull(fc.integer({ min: Date.UTC(1_900), max: Date.UTC(2_200) })),
})

it('arrives in PostgreSQL as it was written, element by element, NULLs wherever they are', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(row, { maxLength: 40 }), async (rows) => {
      const [ids, truths, smalls] = [new BinaryArray('uuid'), new BinaryArray('boolean'), new BinaryArray('smallint')]
      const [wholes, texts] = [new BinaryArray('integer'), new BinaryArray('varchar')]
      const times = new BinaryArray('timestamptz')
      for (const { id, truth, small, whole, text, ms } of rows) {
        ids.uuid(id)
        truths.boolean(truth)
        smalls.smallint(small)
        wholes.integer(whole)
        texts.varchar(text)
        times.timestamptz(ms)
      }
      const { rows: stored } = await pool.query(
        `SELECT id, truth, small, whole, text, extract(epoch FROM time) * 1000 AS ms
           FROM unnest($1::uuid[], $2::boolean[], $3::smallint[], $4::integer[], $5::varchar[], $6::timestamptz[])
                  WITH ORDINALITY AS array_row (id, truth, small, whole, text, time, place)
          ORDER BY place`,
        [ids, truths, smalls, wholes, texts, times].map((array) => array.finish()),
      )
      expect(stored.map(({ ms, ...rest }) => ({ ...rest, ms: ms === null ? null : Number(ms) }))).toEqual(rows)
    }),
    { numRuns: 200 },
  )
})

it('refuses what is no UUID', () => {
  expect(() => new BinaryArray('uuid').uuid('0193000g-0000-7000-8000-000000000001')).toThrow(RangeError)
})
