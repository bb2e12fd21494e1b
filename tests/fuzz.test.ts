import { expect, it } from 'vitest'
import { fuzz } from './fuzz/fuzz.ts'
import { createDatabase } from './helpers/stack.ts'
import { openStore } from './helpers/storing.ts'

it('any message is an entry that PostgreSQL takes, or a dead letter, and is so at once', async () => {
  const store = await openStore(await createDatabase())
  try {
    const report = await fuzz({ runs: 20_000, seed: Date.now() % 1_000_000, stored: 2_000, store: store.store })
    expect(report.refused).toEqual([])
    expect(report.runs).toBe(20_000)
    expect(report.entries).toBeGreaterThan(2_000)
    expect(report.runs - report.entries).toBeGreaterThan(2_000)
    expect(report.slowestMs).toBeLessThan(500)
    expect(report.slowestCostlyMs).toBeLessThan(2_000)
  } finally {
    await store.stop()
  }
})
