import { expect, it } from 'vitest'
import { complaints, storm } from './producers/storm.ts'

it('three producers that are killed, frozen, stopped and started check no slot twice', async () => {
  const seed = Date.now() % 1_000_000
  const report = await storm({ producers: 3, websites: 300, minutes: 0.6, seed, progress: () => undefined })
  expect(complaints(report), JSON.stringify({ seed, ...report })).toEqual([])
  expect(report.entries).toBeGreaterThan(1_000)
}, 240_000)
