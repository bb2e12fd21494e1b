/** Drains the topic into the tables, and keeps these in order. */

import { Alerting } from './alerting.ts'
import { databaseTrouble } from './database/answers.ts'
import { openDatabase } from './database/database.ts'
import { keepTables } from './database/keepTables.ts'
import { prepareTables } from './database/tables.ts'
import { websiteCounts } from './database/websiteCounts.ts'
import { openHeartbeat } from './heartbeat.ts'
import { kafkaClient } from './kafka/client.ts'
import { Lag } from './kafka/lag.ts'
import { Subscriber } from './kafka/subscriber.ts'
import { ensureTopic } from './kafka/topic.ts'
import { ConsumerMetrics, certificateDays } from './metrics/consumerMetrics.ts'
import { servePage } from './page/servePage.ts'
import { runService } from './service.ts'
import { Storing } from './storing.ts'

await runService('consumer', async (service) => {
  const { config, logger, health, stopping, aborting } = service
  const name = `${config.application.name} consumer`
  const metrics = new ConsumerMetrics()
  const readAhead = await servePage(service, metrics.registry, name)

  const database = openDatabase(config.database, { name, connections: config.consumer.threads + 2 }, logger)
  service.onStop('database', () => database.end())
  const alerting = new Alerting(database, service, metrics)
  const heartbeat = openHeartbeat(service)
  const storing = new Storing(database, service, metrics, {
    alerts: () => alerting.wake(),
    entries: () => heartbeat?.stored(),
  })
  const kafka = kafkaClient(config.kafka, name, logger)
  const { topic, group } = config.kafka
  const subscriber = new Subscriber(kafka, {
    topic,
    group,
    threads: config.consumer.threads,
    store: (records, signal) => storing.store(records, signal),
    onCrash: (error) => service.fail(error),
    onJoin: () => metrics.rebalances.inc(),
    onGone: (messages) => metrics.messagesGone.inc(messages),
    logger,
  })
  health.part('kafka', () => subscriber.membership.trouble())
  health.part('database', databaseTrouble(database))
  health.part('storing', () => storing.trouble())
  health.loop('subscriber', () => subscriber.trouble())

  const lag = new Lag(kafka, { topic, group, partitions: () => subscriber.membership.partitions })
  service.onStop('lag', () => lag.close())
  metrics.lag.from(async () => [...(await lag.read())].map(([partition, n]) => [{ partition: String(partition) }, n]))
  metrics.countWebsites(websiteCounts(database, certificateDays))

  await Promise.all([
    ensureTopic(config.kafka, name, { signal: stopping, logger }),
    // Not after Kafka has answered: that no entries come is something to tell.
    prepareTables(database, service, (count) => metrics.partitionsCreated.inc(count)).then(() => alerting.start()),
  ])
  readAhead()
  await keepTables(database, service, () => metrics.partitionsDropped.inc())
  service.onStop('subscriber', () => subscriber.stop())
  await subscriber.start(stopping, aborting)
  service.every(config.monitoring.intervalSeconds, 'reporting', async () => {
    const lags = await lag.read().catch(() => undefined)
    storing.report(lags && [...lags.values()].reduce((sum, messages) => sum + messages, 0))
  })
})
