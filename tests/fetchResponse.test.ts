import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { CompressionTypes, Kafka, type KafkaMessage, logLevel, type Message, Partitioners } from 'kafkajs'
import response from 'kafkajs/src/protocol/requests/fetch/v11/response.js'
import { afterEach, describe, expect, inject, it } from 'vitest'
import { readFetchResponse } from '../src/kafka/fetchResponse.ts'
import { until } from './helpers/services.ts'

const kafka = new Kafka({ brokers: [inject('kafka')], logLevel: logLevel.NOTHING })
const kafkajsDecode = response.decode

afterEach(() => {
  response.decode = kafkajsDecode
})

/** What a broker answers a consumer that reads these messages, as bytes. */
async function answersWith(
  messages: Message[],
  { compression = CompressionTypes.None, batches = 2, maxBytesPerPartition = 1_000_000 } = {},
): Promise<Buffer[]> {
  const topic = `fetch_${randomBytes(6).toString('hex')}`
  const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner })
  const consumer = kafka.consumer({ groupId: topic, maxBytesPerPartition })
  const admin = kafka.admin()
  await Promise.all([producer.connect(), consumer.connect(), admin.connect()])
  const answers: Buffer[] = []
  response.decode = (bytes) => {
    answers.push(Buffer.from(bytes))
    return kafkajsDecode(bytes)
  }
  try {
    await admin.createTopics({ waitForLeaders: true, topics: [{ topic, numPartitions: 2 }] })
    for (let batch = 0; batch < batches; batch++) {
      await producer.send({ topic, compression, messages: messages.filter((_, n) => n % batches === batch) })
    }
    let read = 0
    await consumer.subscribe({ topic, fromBeginning: true })
    await consumer.run({ eachMessage: async () => void read++ })
    await until(() => read === messages.length)
  } finally {
    await Promise.all([producer.disconnect(), consumer.disconnect(), admin.disconnect()])
  }
  return answers
}

interface Answer {
  responses: { topicName: string; partitions: { partition: number; messages: KafkaMessage[] }[] }[]
}

/** Without what webmon does not read. */
function plain(answer: unknown) {
  const { responses, ...rest } = answer as Answer
  return {
    ...rest,
    responses: responses.map(({ topicName, partitions }) => ({
      topicName,
      partitions: partitions.map(({ messages, ...partition }) => ({
        ...partition,
        messages: messages.map(({ offset, timestamp, key, value }) => ({ offset, timestamp, key, value })),
      })),
    })),
  }
}

describe('the answer to a fetch', () => {
  it('is read as kafkajs reads it', async () => {
    const answers = await answersWith([
      { key: 'a', value: 'one' },
      { key: null, value: 'without a key' },
      { key: 'b', value: null },
      { key: '', value: '' },
      { key: 'c', value: 'x'.repeat(100_000) },
      { key: 'd', value: 'with headers', headers: { trace: 'abc', more: ['d', 'e'] } },
      { key: 'e', value: 'of last year', timestamp: String(Date.now() - 365 * 86_400_000) },
      ...Array.from({ length: 300 }, (_, n) => ({ key: `key ${n}`, value: 'é'.repeat(n) })),
    ])
    expect((await recordsReadTheSame(answers)).reduce((sum, count) => sum + count)).toBe(307)
  })

  it('that is cut at its greatest size, in the middle of a batch, is read up to the last whole one', async () => {
    const messages = Array.from({ length: 40 }, () => ({ key: 'one partition', value: 'x'.repeat(1_000) }))
    const answers = await answersWith(messages, { batches: 10, maxBytesPerPartition: 10_000 })
    // A batch has 4 kB: two and a half of them, each time.
    expect(await recordsReadTheSame(answers)).toEqual([8, 8, 8, 8, 8])
  })

  it('with wrong bytes in it is read to its end, or refused', async () => {
    const answers = await answersWith(Array.from({ length: 20 }, (_, n) => ({ key: `key ${n}`, value: 'x'.repeat(n) })))
    const healthy = answers.sort((a, b) => a.length - b.length).at(-1) as Buffer
    const outcomes = { read: 0, refused: 0 }
    const wrong = fc.record({ at: fc.nat(healthy.length - 1), byte: fc.nat(255) })
    fc.assert(
      fc.property(fc.array(wrong, { minLength: 1, maxLength: 3 }), (mutations) => {
        const bytes = Buffer.from(healthy)
        for (const { at, byte } of mutations) bytes[at] = byte
        try {
          const partitions = readFetchResponse(bytes)?.responses.flatMap((topic) => topic.partitions) ?? []
          for (const { key, value } of partitions.flatMap(({ messages }) => messages))
            Buffer.concat([key, value].map(orEmpty))
          outcomes.read++
        } catch (error) {
          expect(error).toBeInstanceOf(RangeError)
          outcomes.refused++
        }
      }),
      { numRuns: 20_000 },
    )
    expect(Math.min(outcomes.read, outcomes.refused)).toBeGreaterThan(100)
  })

  it('is left to kafkajs when something in it is compressed', async () => {
    const answers = await answersWith([{ value: 'one' }, { value: 'two' }], { compression: CompressionTypes.GZIP })
    expect(answers.map((bytes) => readFetchResponse(bytes))).toContain(undefined)
  })
})

const orEmpty = (bytes: Buffer | null) => bytes ?? Buffer.alloc(0)

/** How many are in each answer that holds any. */
async function recordsReadTheSame(answers: Buffer[]): Promise<number[]> {
  const counts: number[] = []
  for (const bytes of answers) {
    const ours = readFetchResponse(bytes)
    expect(ours).toBeDefined()
    expect(plain(ours)).toEqual(plain(await kafkajsDecode(bytes)))
    counts.push(ours?.responses.flatMap(({ partitions }) => partitions.flatMap(({ messages }) => messages)).length ?? 0)
  }
  return counts.filter((count) => count > 0)
}
