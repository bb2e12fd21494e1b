import type { Kafka } from 'kafkajs'
import { type OwnRequest, type Reader, withOwnRequest } from './ownRequest.ts'

const metadataTopic = '__cluster_metadata'

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
  return withOwnRequest(kafka, describeQuorum, (askLeader) =>
    compare(async () => {
      const time = await askLeader()
      if (time === undefined) throw new Error('not told')
      return Number(time)
    }),
  )
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
function leaderTime(read: Reader): bigint | undefined {
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

/** Of KRaft. */
const describeQuorum: OwnRequest<bigint | undefined> = {
  apiKey: 55,
  apiVersion: 1,
  apiName: 'DescribeQuorum',
  question,
  read: leaderTime,
}
