import { expect, it } from 'vitest'
import { chaos, complaints } from './chaos/chaos.ts'

it('a minute in which everything goes wrong loses nothing, and doubles nothing', async () => {
  const report = await chaos({ minutes: 1, seed: Date.now() % 1_000_000, progress: () => undefined })
  expect(complaints(report), JSON.stringify(report)).toEqual([])
  expect(report.stored).toBeGreaterThan(1_000)
}, 400_000)
