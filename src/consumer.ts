/** Drains the topic into the tables, and keeps these in order. */

import { databaseTrouble } from './database/answers.ts'
import { openDatabase } from './database/database.ts'
import { keepTables } from './database/keepTables.ts'
import { prepareTables } from './database/tables.ts'
import { kafkaClient } from './kafka/client.ts'
import { Subscriber } from './kafka/subscriber.ts'
import { ensureTopic } from './kafka/topic.ts'
import { runService } from './service.ts'
import { Storing } from './storing.ts'

await runService('consumer', async (service) => {
  const { config, logger, health, stopping, aborting } = service
  const name = `${config.application.name} consumer`
  await service.serveStatus('consumer')

  const database = openDatabase(config.database, { name, connections: config.consumer.threads + 2 }, logger)
  service.onStop('database', () => database.end())
  const storing = new Storing(database, service)
  const subscriber = new Subscriber(kafkaClient(config.kafka, name, logger), {
    topic: config.kafka.topic,
    group: config.kafka.group,
    threads: config.consumer.threads,
    store: (records, signal) => storing.store(records, signal),
    onCrash: (error) => service.fail(error),
    logger,
  })
  health.part('kafka', () => subscriber.membership.trouble())
  health.part('database', databaseTrouble(database))
  health.part('storing', () => storing.trouble())
  health.loop('subscriber', () => subscriber.trouble())

  await Promise.all([ensureTopic(config.kafka, name, { signal: stopping, logger }), prepareTables(database, service)])
  await keepTables(database, service)
  service.onStop('subscriber', () => subscriber.stop())
  await subscriber.start(aborting)
})
