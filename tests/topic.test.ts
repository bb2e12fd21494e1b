import { AclOperationTypes, AclPermissionTypes, AclResourceTypes, Kafka, logLevel, ResourcePatternTypes } from 'kafkajs'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { type LocalKafka, startKafka } from '../local/kafka.ts'
import { ranges } from '../src/kafka/rangeAssigner.ts'
import { Service, stopServices, until } from './helpers/services.ts'
import { createStack, type Stack } from './helpers/stack.ts'

describe('the topic', () => {
  let stack: Stack
  beforeAll(async () => {
    stack = await createStack()
  })
  afterEach(stopServices)
  afterAll(() => stack.stop())

  async function describeTopic(kafka: Kafka, topic: string) {
    const admin = kafka.admin()
    await admin.connect()
    try {
      const { topics } = await admin.fetchTopicMetadata({ topics: [topic] })
      const configs = await admin.describeConfigs({
        includeSynonyms: false,
        resources: [{ type: 2, name: topic, configNames: ['retention.ms'] }],
      })
      return {
        partitions: topics[0]?.partitions.length,
        retention: configs.resources[0]?.configEntries[0]?.configValue,
      }
    } finally {
      await admin.disconnect()
    }
  }

  it('is made by whichever service comes first, also when both come at once', async () => {
    const env = { ...stack.env, WEBMON_KAFKA_PARTITIONS: '3' }
    const services = [new Service('consumer', env), new Service('producer', env), new Service('consumer', env)]
    for (const service of services) await service.logged(/^started$/)
    expect(await describeTopic(stack.kafka, stack.topic)).toEqual({ partitions: 3, retention: String(30 * 86_400_000) })
  })

  it('is left as it is when it is there', async () => {
    const admin = stack.kafka.admin()
    await admin.connect()
    const topic = `${stack.topic}_own`
    await admin.createTopics({ topics: [{ topic, numPartitions: 2 }] })
    await admin.disconnect()
    const before = await describeTopic(stack.kafka, topic)
    const service = new Service('consumer', { ...stack.env, WEBMON_KAFKA_TOPIC: topic })
    await service.logged(/^started$/)
    expect(await describeTopic(stack.kafka, topic)).toEqual(before)
  })
})

describe('without the right to make the topic', () => {
  let kafka: LocalKafka
  let stack: Stack
  beforeAll(async () => {
    stack = await createStack()
    kafka = await startKafka({
      users: { webmon: 'secret' },
      properties: {
        'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
        'super.users': 'User:ANONYMOUS',
      },
    })
  })
  afterEach(stopServices)
  afterAll(async () => {
    await kafka.stop()
    await stack.stop()
  })

  it('a service names the command that makes it, waits, and goes on once it is there', async () => {
    const service = new Service('consumer', {
      ...stack.env,
      WEBMON_KAFKA_PORT: String(kafka.ports.sasl),
      WEBMON_KAFKA_TOPIC: 'webmon',
      WEBMON_KAFKA_CONSUMER_GROUP: 'webmon',
      WEBMON_KAFKA_SASL_MECHANISM: 'scram-sha-256',
      WEBMON_KAFKA_SASL_USERNAME: 'webmon',
      WEBMON_KAFKA_SASL_PASSWORD: 'secret',
    })
    const line = await service.logged(/may not be created/)
    expect(line.msg).toContain(
      'topic webmon is missing, or hidden, and may not be created with these rights; run: kafka-topics.sh --bootstrap-server ' +
        `127.0.0.1:${kafka.ports.sasl} --create --topic webmon --partitions 6 --replication-factor 1 ` +
        '--config retention.ms=2592000000; trying again in',
    )
    const admin = new Kafka({ brokers: [kafka.address], logLevel: logLevel.NOTHING }).admin()
    await admin.connect()
    await admin.createTopics({ topics: [{ topic: 'webmon', numPartitions: 6 }] })
    const allow = (resourceType: AclResourceTypes) => ({
      resourceType,
      resourceName: 'webmon',
      resourcePatternType: ResourcePatternTypes.LITERAL,
      principal: 'User:webmon',
      host: '*',
      operation: AclOperationTypes.READ,
      permissionType: AclPermissionTypes.ALLOW,
    })
    await admin.createAcls({ acl: [allow(AclResourceTypes.TOPIC), allow(AclResourceTypes.GROUP)] })
    await admin.disconnect()
    await until(() => service.log.some(({ msg }) => msg === 'joined the group'))
  })
})

describe('the range assignor', () => {
  it.each([
    [6, 1, [[0, 1, 2, 3, 4, 5]]],
    [
      6,
      2,
      [
        [0, 1, 2],
        [3, 4, 5],
      ],
    ],
    [6, 4, [[0, 1], [2, 3], [4], [5]]],
    [
      7,
      3,
      [
        [0, 1, 2],
        [3, 4],
        [5, 6],
      ],
    ],
    [2, 3, [[0], [1]]],
  ])("gives %i partitions to %i members as Kafka's does", (partitions, members, expected) => {
    const ids = Array.from({ length: members }, (_, n) => `member-${n}`)
    const shuffled = Array.from({ length: partitions }, (_, n) => partitions - 1 - n)
    expect(ranges(shuffled, ids)).toEqual(expected.map((run, n) => [`member-${n}`, run]))
  })
})
