import type { ICustomPartitioner, Message, PartitionerArgs } from 'kafkajs'

/** A message, and the partition that it was sent to. */
export interface SentMessage extends Message {
  sentTo?: number
}

/**
 * Kafka's own choice of the partition, the hash of the key (any, without one), written down in the message. kafkajs has the same hash, with
 * arithmetic of 64 bits in objects: 3 us a message in place of 0.2.
 */
export const rememberingPartitioner: ICustomPartitioner =
  () =>
  ({ message, partitionMetadata }: PartitionerArgs) => {
    const sent = message as SentMessage
    const hash = sent.key == null ? Math.floor(Math.random() * 0x7fffffff) : murmur2(Buffer.from(sent.key as string))
    sent.sentTo = (hash & 0x7fffffff) % partitionMetadata.length
    return sent.sentTo
  }

/** As in Kafka's `Utils.murmur2`, which its clients choose partitions by. */
export function murmur2(data: Buffer): number {
  const multiplier = 0x5bd1e995
  const whole = data.length & ~3
  let hash = 0x9747b28c ^ data.length
  for (let at = 0; at < whole; at += 4) {
    let word = Math.imul(data.readInt32LE(at), multiplier)
    word = Math.imul(word ^ (word >>> 24), multiplier)
    hash = Math.imul(hash, multiplier) ^ word
  }
  if (whole < data.length) {
    for (let at = whole; at < data.length; at++) hash ^= (data[at] as number) << (8 * (at - whole))
    hash = Math.imul(hash, multiplier)
  }
  hash = Math.imul(hash ^ (hash >>> 13), multiplier)
  return hash ^ (hash >>> 15)
}
