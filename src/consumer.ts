/** Drains the topic into the tables, and keeps these in order. */
import { storeChunk } from './database/chunk.ts'
import { openDatabase } from './database/database.ts'
import { keepTables } from './database/keepTables.ts'
import { prepareTables } from './database/tables.ts'
import { followSignals } from './followSignals.ts'
import { kafkaClient } from './kafka/client.ts'
import { Subscriber } from './kafka/subscriber.ts'
import { ensureTopic } from './kafka/topic.ts'
import { decoded, oldestDaysWithoutRetention, type TopicRecord } from './message.ts'
import { retry } from './retry.ts'
import { runService } from './service.ts'

await runService('consumer', async (service) => {
  const { config, logger, stopping, aborting } = service
  const { retention } = config.database
  const name = `${config.application.name} consumer`
  await service.serveHealth('consumer')

  const database = openDatabase(config.database, { name, connections: config.consumer.threads + 2 }, logger)
  service.onStop('database', () => database.end())
  const kafka = kafkaClient(config.kafka, name, logger)
  await Promise.all([ensureTopic(config.kafka, name, { signal: stopping, logger }), prepareTables(database, service)])
  await keepTables(database, service)

  const storing = { logger, intervalSeconds: config.monitoring.intervalSeconds, hourDays: retention.hourDays }
  const store = async (records: TopicRecord[], signal: AbortSignal) => {
    const { topic, partition } = records[0] as TopicRecord
    const chunk = decoded(records, retention.entryDays || oldestDaysWithoutRetention)
    // A stop ends the waiting between two attempts at once, a running attempt only when it is aborted.
    const waiting = followSignals(signal, stopping)
    const attempt = () => storeChunk(database, chunk, { ...storing, signal })
    const stored = await retry('storing', attempt, { signal: waiting.signal, logger }).finally(waiting.release)
    const { entries, duplicates } = stored
    logger.debug({ topic, partition, entries, duplicates }, `stored ${entries} entries`)
    for (const { record, reason } of stored.deadLetters) {
      logger.warn({ topic, partition, offset: String(record.offset), reason }, 'a message became a dead letter')
    }
    for (const { websiteId, from, to } of stored.statusChanges) {
      logger.info({ website_id: websiteId, from, to }, `a website is ${to}`)
    }
  }

  const subscriber = new Subscriber(kafka, {
    topic: config.kafka.topic,
    group: config.kafka.group,
    threads: config.consumer.threads,
    store,
    onCrash: (error) => service.fail(error),
    logger,
  })
  service.onStop('subscriber', () => subscriber.stop())
  await subscriber.start(stopping, aborting)
})
