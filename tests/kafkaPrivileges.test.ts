import {
  type AclEntry,
  AclOperationTypes,
  AclPermissionTypes,
  AclResourceTypes,
  type Admin,
  Kafka,
  logLevel,
  ResourcePatternTypes,
} from 'kafkajs'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type LocalKafka, startKafka } from '../local/kafka.ts'
import { migrate } from '../src/database/migrations.ts'
import type { Finding } from '../src/finding.ts'
import { doctor } from './helpers/doctor.ts'
import { documentedBlocks } from './helpers/documentedBlocks.ts'
import { Service, stopServices, until } from './helpers/services.ts'
import { createStack, type Stack } from './helpers/stack.ts'
import { silent } from './helpers/storing.ts'
import { configFile, webmon } from './helpers/webmon.ts'
import { startWebsites, type Websites } from './helpers/websites.ts'

const users = { 'webmon-producer': 'secret-one', 'webmon-consumer': 'secret-two' }
type User = keyof typeof users

const documentedLine = /^kafka-acls\.sh .*--add --allow-principal (\S+) --operation (\w+) --(\w+)(?: (\w+))?$/

/** The lines of docs/privileges.md under a heading that begins so, as kafkajs takes them. */
function documented(title: string): AclEntry[] {
  const blocks = documentedBlocks('privileges.md', 'bash').filter((block) => block.title.startsWith(title))
  const lines = blocks.flatMap(({ text }) => text.trim().split('\n'))
  return lines.map((line) => {
    const found = documentedLine.exec(line)
    if (found === null) throw new Error(`no line of kafka-acls.sh as this test knows it: ${line}`)
    const [, principal, operation = '', kind = '', name = 'kafka-cluster'] = found
    return {
      principal: principal as string,
      operation: AclOperationTypes[operation.toUpperCase() as keyof typeof AclOperationTypes],
      resourceType: AclResourceTypes[kind.toUpperCase() as keyof typeof AclResourceTypes],
      resourceName: name,
      resourcePatternType: ResourcePatternTypes.LITERAL,
      permissionType: AclPermissionTypes.ALLOW,
      host: '*',
    }
  })
}
const ofUsers = documented('Kafka: users of their own')
const ofCreation = documented('Kafka: a topic that webmon makes')
const ofClock = documented('Kafka: the clock')

let kafka: LocalKafka
let admin: Admin
let stack: Stack
let websites: Websites
beforeAll(async () => {
  websites = await startWebsites()
  kafka = await startKafka({
    users,
    properties: {
      'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
      'super.users': 'User:ANONYMOUS',
    },
  })
  admin = new Kafka({ brokers: [kafka.address], logLevel: logLevel.NOTHING }).admin()
  await admin.connect()
})
beforeEach(async () => {
  stack = await createStack()
  await migrate(stack.pool, { logger: silent })
  await stack.pool.query('DELETE FROM website')
  await stack.pool.query("INSERT INTO website (name, url) VALUES ('one', $1)", [`${websites.url}/hello`])
})
afterEach(async () => {
  await stopServices()
  const everything = {
    resourceType: AclResourceTypes.ANY,
    resourcePatternType: ResourcePatternTypes.ANY,
    operation: AclOperationTypes.ANY,
    permissionType: AclPermissionTypes.ANY,
  }
  await admin.deleteAcls({ filters: [everything] })
  if ((await admin.listTopics()).includes('webmon')) await admin.deleteTopics({ topics: ['webmon'] })
  await until(async () => !(await admin.listTopics()).includes('webmon'))
  await admin.deleteGroups(['webmon']).catch(() => undefined)
  await stack.stop()
})
afterAll(async () => {
  await admin.disconnect()
  await Promise.all([kafka.stop(), websites.stop()])
})

const envOf = (user: User) => ({
  ...stack.env,
  WEBMON_CONFIG_FILE: configFile,
  WEBMON_KAFKA_PORT: String(kafka.ports.sasl),
  WEBMON_KAFKA_TOPIC: 'webmon',
  WEBMON_KAFKA_CONSUMER_GROUP: 'webmon',
  WEBMON_KAFKA_SASL_MECHANISM: 'scram-sha-256',
  WEBMON_KAFKA_SASL_USERNAME: user,
  WEBMON_KAFKA_SASL_PASSWORD: users[user],
})
const start = (name: 'producer' | 'consumer') => new Service(name, envOf(`webmon-${name}`))
const makeTopic = () => admin.createTopics({ topics: [{ topic: 'webmon', numPartitions: 2 }], waitForLeaders: true })
const allow = (acl: AclEntry[]) => admin.createAcls({ acl })
const without = (user: User, operation: AclOperationTypes, kind: AclResourceTypes) =>
  [...ofUsers, ...ofCreation].filter(
    (one) => !(one.principal === `User:${user}` && one.operation === operation && one.resourceType === kind),
  )
const entries = async () => (await stack.pool.query('SELECT FROM check_entry')).rowCount ?? 0
const flows = async () => {
  const before = await entries()
  await until(async () => (await entries()) > before)
}
const findings = async (user: User, part: string): Promise<Finding[]> =>
  (await doctor(envOf(user))).findings.filter((one) => one.part === part)

describe('the documented ACLs are enough', () => {
  it('on a topic that is there, for both services, replay and doctor', async () => {
    await makeTopic()
    await allow(ofUsers)
    const services = [start('consumer'), start('producer')]
    await flows()
    for (const service of services) {
      expect((await service.stop()).code).toBe(0)
      expect(service.log.filter(({ msg }) => /fail|authori[sz]/i.test(msg) && !msg.startsWith('Kafka: '))).toEqual([])
    }
    await stack.pool.query(
      `INSERT INTO dead_letter (topic, partition, "offset", "timestamp", value, reason)
       VALUES ('webmon', 0, 0, now(), 'nonsense', 'x')`,
    )
    const replayed = await webmon(['dead-letter', 'replay', '--all'], envOf('webmon-producer'))
    expect(replayed).toMatchObject({ code: 0, out: '1 replayed\n' })
    expect(await findings('webmon-producer', 'rights')).toMatchObject([
      { state: 'note', message: 'may write webmon, and not read it: enough for a producer' },
    ])
    expect(await findings('webmon-producer', 'group')).toMatchObject([{ state: 'note' }])
    expect(await findings('webmon-consumer', 'rights')).toMatchObject([
      { state: 'note', message: 'may read webmon, and not write it: enough for a consumer' },
    ])
    expect(await findings('webmon-consumer', 'group')).toMatchObject([{ state: 'note' }])
    expect(await findings('webmon-producer', 'clock')).toMatchObject([{}, { state: 'note' }])
    await allow(ofClock)
    expect(await findings('webmon-producer', 'clock')).toMatchObject([{}, { state: 'well' }])
  })

  it.each(['consumer', 'producer'] as const)('on a topic that the %s makes', async (first) => {
    await allow([...ofUsers, ...ofCreation])
    const service = start(first)
    await service.logged(/^topic is there$/)
    await service.logged(/^started$/)
    start(first === 'producer' ? 'consumer' : 'producer')
    await flows()
  })
})

describe('without one of them', () => {
  const { READ, WRITE, CREATE } = AclOperationTypes
  const { TOPIC, GROUP } = AclResourceTypes

  it.each<['producer' | 'consumer', string, AclOperationTypes, AclResourceTypes, boolean, RegExp]>([
    [
      'producer',
      'Create on a missing topic',
      CREATE,
      TOPIC,
      false,
      /topic webmon is missing, or hidden, and may not be/,
    ],
    [
      'consumer',
      'Create on a missing topic',
      CREATE,
      TOPIC,
      false,
      /topic webmon is missing, or hidden, and may not be/,
    ],
    ['producer', 'Write on the topic', WRITE, TOPIC, true, /topic webmon is missing, or hidden, and may not be/],
    ['consumer', 'Read on the topic', READ, TOPIC, true, /topic webmon is missing, or hidden, and may not be/],
    [
      'consumer',
      'Read on the group',
      READ,
      GROUP,
      true,
      /^the group webmon may not be used with these rights: grant READ/,
    ],
  ])('the %s says so: %s', async (name, _, operation, kind, isThere, sentence) => {
    if (isThere) await makeTopic()
    await allow(without(`webmon-${name}`, operation, kind).filter((one) => !isThere || one.operation !== CREATE))
    const service = start(name)
    const line = await service.logged(sentence)
    expect(['warn', 'error', 'fatal']).toContain(line.level)
    expect(await entries()).toBe(0)
  })

  it('the services say so where they may at least describe it', async () => {
    await makeTopic()
    const group = ofUsers.find(({ resourceType }) => resourceType === GROUP) as AclEntry
    const topics = ofUsers.filter((one) => one !== group)
    await allow([group, ...topics.map((one) => ({ ...one, operation: AclOperationTypes.DESCRIBE }))])
    const [consumer, producer] = [start('consumer'), start('producer')]
    await producer.logged(/^publishing failed: Not authorized to access topics/)
    await consumer.logged(
      /^consuming ended: Not authorized to access topics: .*grant READ on the topic webmon and on the group/,
    )
    expect(await consumer.exited).toBe(1)
  })

  it('doctor says so', async () => {
    await makeTopic()
    const describing = { ...(ofUsers[0] as AclEntry), operation: AclOperationTypes.DESCRIBE }
    await allow([describing])
    expect(await findings('webmon-producer', 'rights')).toMatchObject([
      { state: 'wrong', message: 'may neither read nor write webmon' },
    ])
    // Described, it can be asked about, and not joined.
    const group = ofUsers.find(({ resourceType }) => resourceType === GROUP) as AclEntry
    await allow([...without('webmon-consumer', READ, GROUP), { ...group, operation: AclOperationTypes.DESCRIBE }])
    expect(await findings('webmon-consumer', 'group')).toMatchObject([
      { state: 'wrong', message: expect.stringContaining('may not be used') },
    ])
  })
})
