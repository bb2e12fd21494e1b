import type { Kafka } from 'kafkajs'
import { type OwnRequest, type Reader, withOwnRequest } from './ownRequest.ts'

/** What this user may do to a topic. */
export interface TopicRights {
  readonly read: boolean
  readonly write: boolean
}

/** Places of the bits: org.apache.kafka.common.acl.AclOperation. */
const operations = { read: 3, write: 4 } as const

/**
 * Asks Kafka itself, so that nothing has to be written for it.
 *
 * @returns undefined when it does not tell: Kafka before 2.3, or no right to DESCRIBE the topic
 */
export function readTopicRights(kafka: Kafka, topic: string): Promise<TopicRights | undefined> {
  return withOwnRequest(kafka, metadataOf(topic), (ask) => ask())
}

const groupAuthorizationFailed = 30

/** Asked by the heartbeat of a member that is none: whoever may READ the group is told that, and others that they may not. */
export async function mayReadGroup(kafka: Kafka, group: string): Promise<boolean> {
  const heartbeat: OwnRequest<number> = {
    apiKey: 12,
    apiVersion: 1,
    apiName: 'Heartbeat',
    question: Buffer.concat([text(group), Buffer.alloc(4), text('webmon doctor')]),
    read(answer) {
      answer.skip(4)
      return answer.int16()
    },
  }
  return (await withOwnRequest(kafka, heartbeat, (ask) => ask())) !== groupAuthorizationFailed
}

/** Version 8 is the last one that is not flexible. */
function metadataOf(topic: string): OwnRequest<TopicRights | undefined> {
  // One topic, which is not to be made; not the rights on the cluster, but those on the topic.
  const question = Buffer.concat([Buffer.of(0, 0, 0, 1), text(topic), Buffer.of(0, 0, 1)])
  return { apiKey: 3, apiVersion: 8, apiName: 'Metadata', question, read: rightsOf }
}

function rightsOf(read: Reader): TopicRights | undefined {
  read.skip(4)
  for (let brokers = read.int32(); brokers > 0; brokers--) {
    read.skip(4)
    read.text()
    read.skip(4)
    read.text()
  }
  read.text()
  read.skip(4)
  if (read.int32() !== 1 || read.int16() !== 0) return undefined
  read.text()
  read.skip(1)
  for (let partitions = read.int32(); partitions > 0; partitions--) {
    read.skip(2 + 4 + 4 + 4)
    // Replicas, those in sync, those that are off.
    for (let list = 0; list < 3; list++) read.skip(4 * read.int32())
  }
  const bits = read.int32()
  const may = (operation: number) => (bits & (1 << operation)) !== 0
  return { read: may(operations.read), write: may(operations.write) }
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value)
  const length = Buffer.alloc(2)
  length.writeInt16BE(bytes.length)
  return Buffer.concat([length, bytes])
}
