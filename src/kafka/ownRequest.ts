import type { Kafka } from 'kafkajs'

/** A request that kafkajs does not know, or not in this version: https://kafka.apache.org/protocol */
export interface OwnRequest<T> {
  readonly apiKey: number
  readonly apiVersion: number
  readonly apiName: string
  /** Of a flexible version, with the tagged fields of the header, which kafkajs ends before them. */
  readonly question: Buffer
  /** @param answer after the correlation id */
  readonly read: (answer: Reader) => T
}

/** Inner parts of kafkajs, which has no way to send a request of one's own. */
interface Broker {
  readonly versions: Record<number, { maxVersion: number }> | null
  readonly connectionPool: { send(request: object): Promise<unknown> }
  connect(): Promise<void>
}
interface Cluster {
  readonly brokerPool: { withBroker<T>(work: (chosen: { broker: Broker }) => Promise<T>): Promise<T | null> }
  connect(): Promise<void>
  refreshMetadata(): Promise<void>
  disconnect(): Promise<void>
}

/**
 * Lends a connection to one of the brokers.
 *
 * @param work is called with what sends the request and gives its answer
 * @returns undefined when the broker is older than the request
 */
export async function withOwnRequest<T, R>(
  kafka: Kafka,
  request: OwnRequest<T>,
  work: (ask: () => Promise<T>) => Promise<R>,
): Promise<R | undefined> {
  const key = Object.getOwnPropertySymbols(kafka).find(({ description }) => description?.endsWith(':createCluster'))
  const createCluster = (kafka as unknown as Record<symbol, (options: object) => Cluster>)[key as symbol]
  const cluster = createCluster?.({ metadataMaxAge: 60_000 })
  if (cluster === undefined) return undefined
  const { apiKey, apiVersion, apiName, question, read } = request
  try {
    await cluster.connect()
    // Until then it knows of no broker.
    await cluster.refreshMetadata()
    const done = await cluster.brokerPool.withBroker(async ({ broker }) => {
      await broker.connect()
      if ((broker.versions?.[apiKey]?.maxVersion ?? 0) < apiVersion) return undefined
      const ask = () =>
        broker.connectionPool.send({
          // As kafkajs's own encoder looks.
          request: { apiKey, apiVersion, apiName, encode: async () => ({ buf: question, buffer: question }) },
          response: {
            decode: async (answer: Buffer) => ({ answer: read(new Reader(answer)) }),
            parse: async ({ answer }: { answer: T }) => answer,
          },
        }) as Promise<T>
      return await work(ask)
    })
    return done ?? undefined
  } finally {
    await cluster.disconnect()
  }
}

/** Reads an answer from its beginning. */
export class Reader {
  #at = 0

  constructor(private readonly bytes: Buffer) {}

  int16(): number {
    return this.bytes.readInt16BE(this.skip(2))
  }

  int32(): number {
    return this.bytes.readInt32BE(this.skip(4))
  }

  int64(): bigint {
    return this.bytes.readBigInt64BE(this.skip(8))
  }

  /** A text that may be null, of a version that is not flexible. */
  text(): string {
    const length = Math.max(this.int16(), 0)
    const from = this.skip(length)
    return this.bytes.toString('utf8', from, from + length)
  }

  /** Of a text or an array of a flexible version; one more is written. */
  length(): number {
    return this.#varint() - 1
  }

  tags(): void {
    for (let tags = this.#varint(); tags > 0; tags--) {
      this.#varint()
      this.skip(this.#varint())
    }
  }

  /** @returns where it was */
  skip(bytes: number): number {
    const from = this.#at
    this.#at += bytes
    return from
  }

  #varint(): number {
    let value = 0
    for (let shift = 0; ; shift += 7) {
      const byte = this.bytes.readUInt8(this.skip(1))
      value += (byte & 0x7f) << shift
      if (byte < 0x80) return value
    }
  }
}
