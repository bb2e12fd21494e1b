import type { Kafka } from 'kafkajs'

/** DescribeQuorum, of KRaft: https://kafka.apache.org/protocol#The_Messages_DescribeQuorum */
const describeQuorum = { apiKey: 55, apiVersion: 1, apiName: 'DescribeQuorum' }
const metadataTopic = '__cluster_metadata'

/** Inner parts of kafkajs, which knows neither this request nor a way to send one of one's own. */
interface Broker {
  readonly versions: Record<number, { maxVersion: number }> | null
  readonly connectionPool: { send(request: object): Promise<bigint | undefined> }
  connect(): Promise<void>
}
interface Cluster {
  readonly brokerPool: { withBroker<T>(work: (chosen: { broker: Broker }) => Promise<T>): Promise<T | null> }
  connect(): Promise<void>
  refreshMetadata(): Promise<void>
  disconnect(): Promise<void>
}

/**
 * What time it is for Kafka. There is no request for that; but the leader of a quorum gives, as the time at which it was
 * last caught up with itself, now.
 *
 * @param compare is called with what asks, in ms, as soon as there is a connection
 * @returns undefined when it does not tell: Kafka before 3.3, or with ZooKeeper, or no right to DESCRIBE the cluster
 */
export async function withBrokerTime<T>(
  kafka: Kafka,
  compare: (ask: () => Promise<number>) => Promise<T>,
): Promise<T | undefined> {
  const key = Object.getOwnPropertySymbols(kafka).find(({ description }) => description?.endsWith(':createCluster'))
  const createCluster = (kafka as unknown as Record<symbol, (options: object) => Cluster>)[key as symbol]
  const cluster = createCluster?.({ metadataMaxAge: 60_000 })
  if (cluster === undefined) return undefined
  try {
    await cluster.connect()
    // Until then it knows of no broker.
    await cluster.refreshMetadata()
    const compared = await cluster.brokerPool.withBroker(async ({ broker }) => {
      await broker.connect()
      if ((broker.versions?.[describeQuorum.apiKey]?.maxVersion ?? 0) < describeQuorum.apiVersion) return undefined
      const ask = async () => {
        const time = await broker.connectionPool.send({
          // As kafkajs's own encoder looks.
          request: { ...describeQuorum, encode: async () => ({ buf: question, buffer: question }) },
          response: {
            decode: async (answer: Buffer) => ({ time: leaderTime(answer) }),
            parse: async ({ time }: { time: bigint | undefined }) => time,
          },
        })
        if (time === undefined) throw new Error('not told')
        return Number(time)
      }
      return await compare(ask)
    })
    return compared ?? undefined
  } finally {
    await cluster.disconnect()
  }
}

/** Each structure of a flexible version ends with its tagged fields: none. Lengths are one more than they are. */
const question = Buffer.concat([
  // Of the header, which kafkajs ends before them.
  Buffer.of(0),
  Buffer.of(2, metadataTopic.length + 1),
  Buffer.from(metadataTopic),
  Buffer.of(2, 0, 0, 0, 0, 0),
  Buffer.of(0),
  Buffer.of(0),
])

/** Undefined: an error code, or no leader among the voters. */
function leaderTime(answer: Buffer): bigint | undefined {
  const read = new Reader(answer)
  read.tags()
  if (read.int16() !== 0 || read.length() !== 1) return undefined
  read.skip(read.length())
  if (read.length() !== 1) return undefined
  read.skip(4)
  if (read.int16() !== 0) return undefined
  const leader = read.int32()
  read.skip(4 + 8)
  for (let voters = read.length(); voters > 0; voters--) {
    const id = read.int32()
    read.skip(8 + 8)
    const caughtUp = read.int64()
    read.tags()
    if (id === leader) return caughtUp
  }
  return undefined
}

class Reader {
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

  /** Of a text or an array; one more is written. */
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
