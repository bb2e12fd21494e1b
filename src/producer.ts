/** Reads the websites, checks each on its interval, and publishes what came of it, by way of the spool. */

import { startChecker } from './check/openChecker.ts'
import { CheckPool } from './check/pool.ts'
import { logFieldsOf } from './checkEntry.ts'
import { databaseTrouble } from './database/answers.ts'
import { openDatabase } from './database/database.ts'
import { prepareTables } from './database/tables.ts'
import { limitHeapGrowth } from './heapGrowth.ts'
import { Acknowledgements } from './kafka/acknowledgements.ts'
import { kafkaClient } from './kafka/client.ts'
import { Publisher } from './kafka/publisher.ts'
import { ensureTopic } from './kafka/topic.ts'
import { encode } from './message.ts'
import { ProducerMetrics } from './metrics/producerMetrics.ts'
import { NetworkDoubt } from './networkDoubt.ts'
import { Rechecks } from './recheck.ts'
import { Schedule } from './schedule.ts'
import { runService, type Service } from './service.ts'
import { followShards, giveBackAtStop, shareWebsites } from './sharing/shareWebsites.ts'
import { WebsiteList } from './sharing/websiteList.ts'
import { takeLeftovers } from './spool/leftovers.ts'
import { Spool } from './spool.ts'
import { Standstills } from './standstills.ts'

await runService('producer', async (service) => {
  const { config, logger, aborting } = service
  limitHeapGrowth(config.producer.threads)
  const metrics = new ProducerMetrics()
  await service.serveStatus('producer', metrics.registry)
  const spool = await Spool.open(config.producer.spool, logger, aborting)
  service.onStop('spool', () => spool.close())
  const leftovers = takeLeftovers(spool, service)
  metrics.spoolEntries.fromValue(() => spool.entries + (leftovers?.entries ?? 0))
  metrics.spoolBytes.fromValue(() => spool.bytes)
  metrics.spoolLimit.set(config.producer.spool.limitBytes)
  // Neither waits for the other: while the broker is away, entries stay in the spool.
  await Promise.all([startPublishing(service, spool, metrics), startChecking(service, spool, metrics)])
})

async function startPublishing(service: Service, spool: Spool, metrics: ProducerMetrics): Promise<void> {
  const { config, logger, health, stopping: signal, aborting } = service
  const name = `${config.application.name} producer`
  const acknowledgements = new Acknowledgements()
  health.part('kafka', () => acknowledgements.trouble())
  const client = kafkaClient(config.kafka, name, logger)
  const publisher = new Publisher(client, config.kafka.topic, spool, logger, {
    sent: () => acknowledgements.sent(),
    acknowledged(afterMs) {
      acknowledgements.acknowledged()
      metrics.publishDuration.observe(afterMs / 1_000)
    },
    failed(error) {
      acknowledgements.failed(error)
      metrics.publishFailures.inc()
    },
  })
  service.onStop('publisher', () => publisher.close(aborting))
  await ensureTopic(config.kafka, name, { signal, logger })
  await publisher.start((error) => service.fail(error))
  acknowledgements.connected()
}

async function startChecking(service: Service, spool: Spool, metrics: ProducerMetrics): Promise<void> {
  const { config, logger, health } = service
  const { intervalSeconds, recheckSeconds } = config.monitoring
  const database = openDatabase(
    config.database,
    { name: `${config.application.name} producer`, connections: 2 },
    logger,
  )
  service.onStop('database', () => database.end())
  health.part('database', databaseTrouble(database))
  await prepareTables(database, service, (count) => metrics.partitionsCreated.inc(count))

  const leases = shareWebsites(service)
  const checker = startChecker(service)
  const doubt = new NetworkDoubt(logger)
  const standstills = new Standstills()
  service.onStop('standstills', () => standstills.stop())
  const rechecks = new Rechecks(recheckSeconds, (turn) => pool.offer(turn))
  const pool = new CheckPool(
    config.producer.threads,
    ({ website, dueMs, recheck }) => leases.whileHeld(website, dueMs, () => checker.check(website, recheck)),
    async (entry, { website, dueMs }) => {
      await spool.add(entry.websiteId, encode(doubt.judge(entry)), pool.full)
      rechecks.seen(entry, website)
      logger.debug({ ...logFieldsOf(entry), due: dueMs }, `checked ${website.name}`)
    },
    standstills,
    logger,
    {
      began: (lateMs) => metrics.checkLate.add(Math.max(lateMs, 0) / 1_000),
      ended: (entry, afterMs) => metrics.checked(entry, afterMs / 1_000),
      missed: (turns) => metrics.checksMissed.inc(turns),
    },
  )
  service.onStop('checks', () => pool.close())
  service.onStop('rechecks', () => rechecks.stop())
  standstills.onEnd(() => checker.abort())
  health.part('spool', () => pool.pauseReason)
  spool.onBlocked((reason) => (reason ? pool.pause(reason) : pool.resume()))
  const schedule = new Schedule((turn) => {
    if (leases.owns(turn.website, turn.dueMs)) pool.offer(turn)
  })
  health.loop('schedule', () => schedule.trouble())
  giveBackAtStop(service, leases, schedule)
  const list = new WebsiteList(database, leases, (websites, slotsAfterMs) => {
    schedule.replace(websites, intervalSeconds, slotsAfterMs)
    rechecks.keep(websites)
    doubt.keep(websites)
  })

  metrics.shardsHeld.fromValue(() => leases.held.length)
  metrics.networkInDoubt.fromValue(() => Number(doubt.since !== null))
  metrics.checksRunning.fromValue(() => pool.running)
  metrics.checksWaiting.fromValue(() => pool.waiting)
  metrics.checksDue.fromValue(() => schedule.perSecond)
  await followShards(service, leases, list)
  service.every(intervalSeconds, 'reading the websites', () => list.read())
  service.every(intervalSeconds, 'reporting', async () => pool.report({ spool_entries: spool.entries }))
}
