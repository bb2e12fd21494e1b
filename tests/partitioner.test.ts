import fc from 'fast-check'
import { Partitioners } from 'kafkajs'
import { expect, it } from 'vitest'
import { rememberingPartitioner, type SentMessage } from '../src/kafka/partitioner.ts'

const topic = 'webmon'

it('chooses the partition that every client of Kafka chooses for a key, and writes it down', () => {
  const [theirs, ours] = [Partitioners.DefaultPartitioner(), rememberingPartitioner()]
  fc.assert(
    fc.property(fc.oneof(fc.uuid(), fc.string({ unit: 'binary' })), fc.integer({ min: 1, max: 100 }), (key, count) => {
      const partitionMetadata = Array.from({ length: count }, (_, partitionId) => ({
        partitionErrorCode: 0,
        partitionId,
        leader: 0,
        replicas: [0],
        isr: [0],
      }))
      const message: SentMessage = { key, value: 'x' }
      const expected = theirs({ topic, partitionMetadata, message })
      expect(ours({ topic, partitionMetadata, message })).toBe(expected)
      expect(message.sentTo).toBe(expected)
    }),
    { numRuns: 2_000 },
  )
})
