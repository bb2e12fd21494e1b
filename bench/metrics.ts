/**
 * What counting costs a check and a row.
 *
 *     npm run bench:metrics
 */
import { CheckEnds } from '../src/checkEnds.ts'
import type { Decoded } from '../src/message.ts'
import { ConsumerMetrics } from '../src/metrics/consumerMetrics.ts'
import { ProducerMetrics } from '../src/metrics/producerMetrics.ts'
import { checkEntry } from '../tests/helpers/entries.ts'
import { delivered } from '../tests/helpers/storing.ts'
import { median, report } from './stack.ts'

const times = 1_000_000
const chunkLength = 10_000

const producer = new ProducerMetrics()
const entries = [checkEntry(), checkEntry({ available: false, error: 'timeout' })]
const perCheck = nanoseconds(times, () => {
  for (let n = 0; n < times; n++) {
    producer.checkLate.add((n % 100) / 1_000)
    producer.checked(entries[n % 2] as (typeof entries)[number], (n % 500) / 1_000)
  }
})
report('a check', perCheck, 1_000, ' ns')

const consumer = new ConsumerMetrics()
const chunk = Array.from({ length: chunkLength }, () => delivered(checkEntry()))
const read = (some: Iterable<Decoded>) => {
  let count = 0
  for (const one of some) if ('entry' in one) count++
  return count
}
const chunks = times / chunkLength
const bare = nanoseconds(times, () => {
  for (let n = 0; n < chunks; n++) read(chunk)
})
const counted = nanoseconds(times, () => {
  for (let n = 0; n < chunks; n++) {
    const ends = new CheckEnds(chunk, chunkLength)
    consumer.entriesStored.inc(read(ends))
    consumer.insertDuration.observe(0.1)
    consumer.batchEntries.observe(chunkLength)
    ends.tellAges((seconds) => consumer.entryAge.add(seconds))
  }
})
report('a row', counted - bare, 1_000, ' ns')

const startMs = performance.now()
const scrapes = 100
for (let n = 0; n < scrapes; n++) await producer.registry.metrics()
report('a scrape', (performance.now() - startMs) / scrapes, 10, ' ms')
process.exit()

/** For one of so many, in the median of some rounds. */
function nanoseconds(of: number, work: () => void): number {
  const rounds = Array.from({ length: 7 }, () => {
    const fromMs = performance.now()
    work()
    return ((performance.now() - fromMs) * 1e6) / of
  })
  return median(rounds)
}
