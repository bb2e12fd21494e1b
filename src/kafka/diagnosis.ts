import type { Admin, GroupDescription, Kafka } from 'kafkajs'
import type { Config, KafkaConfig } from '../config.ts'
import { compareClocks, type Finding, note, well, wrong } from '../finding.ts'
import type { Logger } from '../logger.ts'
import { messageOf } from '../retry.ts'
import { withBrokerTime } from './brokerClock.ts'
import { kafkaClient } from './client.ts'
import { describeConnectionError } from './connectionError.ts'
import { askForLag } from './lag.ts'
import { mayReadGroup, readTopicRights, type TopicRights } from './rights.ts'
import { topicCommand, topicSettings } from './topic.ts'

/** Looks at Kafka as the services use it: the brokers, the topic, the group. Changes nothing. */
export async function diagnoseKafka(config: Config, logger: Logger): Promise<Finding[]> {
  const { kafka } = config
  // Each of the brokers may be the one that answers.
  const retry = { retries: kafka.brokers.length - 1, initialRetryTime: 100 }
  const client = kafkaClient(kafka, `${config.application.name} doctor`, logger, retry)
  const admin = client.admin()
  const findings: Finding[] = []
  try {
    await admin.connect()
    const { brokers } = await admin.describeCluster()
    const how = [kafka.tls ? 'with TLS' : 'without TLS', ...(kafka.sasl ? [`as ${kafka.sasl.username}`] : [])]
    findings.push(
      well('broker', `Kafka answers at ${kafka.brokers.join(', ')}, ${how.join(', ')}; brokers: ${brokers.length}`),
    )
    findings.push(await diagnoseClock(client))
    if (!(await admin.listTopics()).includes(kafka.topic)) {
      return [
        ...findings,
        await diagnoseMissingTopic(admin, kafka, brokers.length),
        await diagnoseGroup(client, admin, kafka),
      ]
    }
    findings.push(await diagnoseTopic(admin, kafka))
    const rights = await readTopicRights(client, kafka.topic).catch(() => undefined)
    if (rights !== undefined) findings.push(diagnoseRights(rights, kafka))
    const mayRead = rights?.read ?? true
    return [...findings, await diagnoseGroup(client, admin, kafka, mayRead)]
  } catch (error) {
    return [...findings, describeConnectionError(error, kafka)]
  } finally {
    await admin.disconnect().catch(() => undefined)
  }
}

async function diagnoseClock(client: Kafka): Promise<Finding> {
  const compare = (ask: () => Promise<number>) => compareClocks('clock', 'Kafka', ask)
  const compared = await withBrokerTime(client, compare).catch(() => undefined)
  return compared ?? note('clock', 'Kafka tells its time from 3.3 on, to those who may DESCRIBE the cluster')
}

async function diagnoseMissingTopic(admin: Admin, kafka: KafkaConfig, brokers: number): Promise<Finding> {
  const replicas = brokers >= 3 ? 3 : 1
  try {
    await admin.createTopics({ validateOnly: true, waitForLeaders: false, topics: [topicSettings(kafka, replicas)] })
    return note('topic', `the topic ${kafka.topic} is not there yet`, 'the services make it when they start')
  } catch (error) {
    const advice = `have it made: ${topicCommand(kafka, replicas)}`
    if (/not authorized/i.test(messageOf(error))) {
      return wrong(
        'topic',
        `the topic ${kafka.topic} is missing (or hidden) and may not be created with these rights`,
        advice,
      )
    }
    return wrong('topic', `the topic ${kafka.topic} is missing and cannot be created: ${messageOf(error)}`, advice)
  }
}

/** Asks the leaders of the partitions, and so comes upon brokers that cannot be reached by the name that they go by. */
async function diagnoseTopic(admin: Admin, { topic }: KafkaConfig): Promise<Finding> {
  const offsets = await admin.fetchTopicOffsets(topic)
  const messages = offsets.reduce((sum, { low, high }) => sum + Number(high) - Number(low), 0)
  return well('topic', `${topic} has ${offsets.length} partitions and ${messages} messages`)
}

/** Each service can have a user of its own, with its own half. */
function diagnoseRights({ read, write }: TopicRights, { topic }: KafkaConfig): Finding {
  if (read && write) return well('rights', `may read and write ${topic}`)
  if (read) return note('rights', `may read ${topic}, and not write it: enough for a consumer`)
  if (write) return note('rights', `may write ${topic}, and not read it: enough for a producer`)
  return wrong(
    'rights',
    `may neither read nor write ${topic}`,
    `grant WRITE for the producer, READ for the consumer (kafka-acls.sh --add --operation Write --topic ${topic} ...)`,
  )
}

/** @param mayRead the topic; who may not is no consumer, and needs no group */
async function diagnoseGroup(client: Kafka, admin: Admin, kafka: KafkaConfig, mayRead = true): Promise<Finding> {
  const { group } = kafka
  const advice = `grant READ on the group ${group} (kafka-acls.sh --add --operation READ --group ${group} ...)`
  try {
    if (mayRead && !(await mayReadGroup(client, group))) throw new Error('Not authorized to access group')
    const description = (await admin.describeGroups([group])).groups[0]
    const foreign = description && otherAssignor(description)
    if (foreign !== undefined) {
      const members = description?.members.map(({ clientId, clientHost }) => `${clientId} at ${clientHost}`).join(', ')
      return wrong(
        'group',
        `the group ${group} is held with the assignor ${foreign} by ${members}; webmon's consumers offer range`,
        'end these members, have them offer range, or give webmon a group of its own (kafka.consumer.group)',
      )
    }
    const lag = await lagOf(admin, kafka)
    const members = description?.members.length ?? 0
    const text = `${group} has ${members} members and ${lag} messages to store`
    return members > 0 || lag === 0 ? well('group', text) : note('group', text, 'start a consumer, if none runs')
  } catch (error) {
    // Where the group may not even be asked about, kafkajs says no more than that it has found no coordinator.
    if (!/not authorized|find group coordinator/i.test(messageOf(error))) throw error
    const text = `the group ${group} may not be used with these rights (${messageOf(error)})`
    return mayRead ? wrong('group', text, advice) : note('group', `${text}: a producer does not need it`)
  }
}

/** A group has one assignor, which all its members offer: where webmon's are among them, range. */
function otherAssignor({ state, protocol, protocolType, members }: GroupDescription): string | undefined {
  if (members.length === 0 || state === 'Dead' || state === 'Empty') return undefined
  if (protocolType !== 'consumer') return `${protocolType} (not a consumer's)`
  return protocol === 'range' || protocol === '' ? undefined : protocol
}

async function lagOf(admin: Admin, kafka: KafkaConfig): Promise<number> {
  if (!(await admin.listTopics()).includes(kafka.topic)) return 0
  return [...(await askForLag(admin, kafka)).values()].reduce((sum, messages) => sum + messages, 0)
}
