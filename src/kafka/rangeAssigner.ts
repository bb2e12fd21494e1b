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
    const memberIds = [...assignments.keys()].sort()
    for (const topic of topics) {
      const partitions = cluster.findTopicPartitionMetadata(topic).map(({ partitionId }) => partitionId)
      partitions.sort((a, b) => a - b)
      memberIds.forEach((memberId, i) => {
        const from = Math.ceil((i * partitions.length) / memberIds.length)
        const to = Math.ceil(((i + 1) * partitions.length) / memberIds.length)
        const assignment = assignments.get(memberId)
        if (assignment && to > from) assignment[topic] = partitions.slice(from, to)
      })
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
