import type { Kafka } from 'kafkajs'
import { kafkaClient } from '../../src/kafka/client.ts'
import { Subscriber } from '../../src/kafka/subscriber.ts'
import type { TopicRecord } from '../../src/topicRecord.ts'

export interface Said {
  readonly level: string
  readonly fields: Record<string, unknown>
  readonly msg: string
}

/** A member of a group in this process: what it read, and what it said. */
export interface Member {
  readonly read: string[]
  readonly said: Said[]
  readonly crashes: string[]
  stop(): Promise<void>
}

interface MemberOptions {
  readonly address: string
  readonly topic: string
  readonly clientId?: string
  readonly stallSeconds?: number
  readonly store?: (records: readonly TopicRecord[], signal: AbortSignal) => Promise<void>
}

export async function startMember(options: MemberOptions): Promise<Member> {
  const { address, topic, clientId = 'test', stallSeconds, store } = options
  const read: string[] = []
  const said: Said[] = []
  const crashes: string[] = []
  const at =
    (level: string) =>
    (...args: unknown[]) => {
      const [fields, msg] = typeof args[0] === 'string' ? [{}, args[0]] : args
      said.push({ level, fields: fields as Record<string, unknown>, msg: String(msg) })
    }
  const levels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal']
  const logger = Object.fromEntries(levels.map((level) => [level, at(level)])) as never
  const config = { brokers: [address], topic, partitions: 3, group: topic, tls: null, sasl: null }
  const kafka: Kafka = kafkaClient(config, clientId, logger)
  const subscriber = new Subscriber(kafka, {
    topic,
    group: topic,
    threads: 2,
    async store(records, signal) {
      await store?.(records, signal)
      read.push(...records.map(({ value }) => String(value)))
    },
    onCrash: (error) => void crashes.push(error.message),
    logger,
    ...(stallSeconds && { stallSeconds }),
  })
  const { signal } = new AbortController()
  await subscriber.start(signal, signal)
  return { read, said, crashes, stop: () => subscriber.stop() }
}
