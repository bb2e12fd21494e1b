import { AssignerProtocol, type PartitionAssigner } from 'kafkajs'

const version = 0

/**
 * Kafka's range assignor, by name and by rule: of each topic's partitions, in order, each member gets an equal run,
 * the first ones one more. kafkajs offers only a round robin of its own, and a group whose members share no assignor
 * cannot be: whichever of the original's consumer and ours came second crashed.
 */
export const rangeAssigner: PartitionAssigner = ({ cluster }) => ({
  name: 'range',
  version,
  async assign({ members, topics }) {
    const assignments = new Map(members.map(({ memberId }) => [memberId, {} as Record<string, number[]>]))
    for (const topic of topics) {
      const subscribers = members.filter(({ memberMetadata }) => subscribedTo(memberMetadata).includes(topic))
      const partitions = cluster.findTopicPartitionMetadata(topic).map(({ partitionId }) => partitionId)
      const memberIds = subscribers.map(({ memberId }) => memberId).sort()
      for (const [memberId, run] of ranges(partitions, memberIds))
        Object.assign(assignments.get(memberId) ?? {}, { [topic]: run })
    }
    return [...assignments].map(([memberId, assignment]) => ({
      memberId,
      memberAssignment: AssignerProtocol.MemberAssignment.encode({ version, assignment, userData: Buffer.alloc(0) }),
    }))
  },
  protocol({ topics }) {
    return {
      name: 'range',
      metadata: AssignerProtocol.MemberMetadata.encode({ version, topics, userData: Buffer.alloc(0) }),
    }
  },
})

/** @returns the run of each member that gets one */
export function ranges(partitions: readonly number[], memberIds: readonly string[]): [string, number[]][] {
  const sorted = partitions.toSorted((a, b) => a - b)
  const share = Math.floor(sorted.length / memberIds.length)
  const extra = sorted.length % memberIds.length
  return memberIds.flatMap((memberId, i) => {
    const from = share * i + Math.min(i, extra)
    const run = sorted.slice(from, from + share + (i < extra ? 1 : 0))
    return run.length > 0 ? [[memberId, run]] : []
  })
}

function subscribedTo(memberMetadata: Buffer): string[] {
  return AssignerProtocol.MemberMetadata.decode(memberMetadata)?.topics ?? []
}
