/** Reads the websites, checks each on its interval, and publishes what came of it, by way of the spool. */

import { AddressFilter } from './check/addressFilter.ts'
import { Checker } from './check/checker.ts'
import { Resolver } from './check/dns/resolver.ts'
import { CheckPool } from './check/pool.ts'
import { proxyRule, unusedProxyVariables } from './check/proxy.ts'
import { RegexSearch } from './check/regex/search.ts'
import type { CheckEntry } from './checkEntry.ts'
import { databaseTrouble } from './database/answers.ts'
import { openDatabase } from './database/database.ts'
import { prepareTables } from './database/tables.ts'
import { limitHeapGrowth } from './heapGrowth.ts'
import { Acknowledgements } from './kafka/acknowledgements.ts'
import { kafkaClient } from './kafka/client.ts'
import { Publisher } from './kafka/publisher.ts'
import { ensureTopic } from './kafka/topic.ts'
import { encode } from './message.ts'
import { ProducerMetrics } from './metrics.ts'
import { NetworkDoubt } from './networkDoubt.ts'
import { Rechecks } from './recheck.ts'
import { retry } from './retry.ts'
import { Schedule } from './schedule.ts'
import { runService, type Service } from './service.ts'
import { shareWebsites } from './sharing/shareWebsites.ts'
import { WebsiteList } from './sharing/websiteList.ts'
import { shownUrl } from './shownUrl.ts'
import { Leftovers } from './spool/leftovers.ts'
import { Spool } from './spool.ts'
import { Standstills } from './standstills.ts'

/** As fast as this what a producer that is gone left in its folder is taken over. */
const leftoversEverySeconds = 15

await runService('producer', async (service) => {
  const { config, logger, aborting } = service
  limitHeapGrowth(config.producer.threads)
  const metrics = new ProducerMetrics()
  await service.serveStatus('producer', metrics.registry)
  const spool = await Spool.open(config.producer.spool, logger, aborting)
  service.onStop('spool', () => spool.close())
  const leftovers = takeLeftovers(service, spool)
  metrics.spoolEntries.fromValue(() => spool.entries + (leftovers?.entries ?? 0))
  metrics.spoolBytes.fromValue(() => spool.bytes)
  metrics.spoolLimit.set(config.producer.spool.limitBytes)
  // Neither waits for the other: while the broker is away, entries stay in the spool.
  await Promise.all([startPublishing(service, spool, metrics), startChecking(service, spool, metrics)])
})

/** @returns undefined for a spool in memory, of which nothing can be left */
function takeLeftovers(service: Service, spool: Spool): Leftovers | undefined {
  if (!spool.durable) return undefined
  const { config, logger, stopping } = service
  const leftovers = new Leftovers(config.producer.spool.path, spool, logger, stopping)
  service.every(leftoversEverySeconds, 'taking over what was left in the spool', () => leftovers.take(), {
    atOnce: true,
  })
  return leftovers
}

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
  const { config, logger, health, stopping: signal } = service
  const { intervalSeconds, recheckSeconds } = config.monitoring
  const database = openDatabase(
    config.database,
    { name: `${config.application.name} producer`, connections: 2 },
    logger,
  )
  service.onStop('database', () => database.end())
  health.part('database', databaseTrouble(database))
  await prepareTables(database, service, (count) => metrics.partitionsCreated.inc(count))

  const checker = makeChecker(service)
  const doubt = new NetworkDoubt((failing, of) => {
    if (doubt.since === null) logger.info('the network of this machine is no longer in doubt')
    else logger.warn(`the network of this machine is in doubt: ${failing} of ${of} websites fail with a network error`)
  })
  metrics.networkInDoubt.fromValue(() => Number(doubt.since !== null))
  const standstills = new Standstills((forMs) => {
    const checks = pool.checking
    const what = `this process stood still for ${(forMs / 1_000).toFixed(1)} s (stopped, asleep, or without a processor)`
    logger.warn(
      { checks },
      `${what}: the checks under way (${checks}) are done again, or missed where their turn is over`,
    )
    checker.abort()
  })
  service.onStop('standstills', () => standstills.stop())
  const pool = new CheckPool(
    config.producer.threads,
    ({ website, dueMs, recheck }) => leases.whileHeld(website, dueMs, () => checker.check(website, recheck)),
    async (entry, { website, dueMs }) => {
      await spool.add(entry.websiteId, encode(doubt.judge(entry)), pool.full)
      rechecks.seen(entry, website)
      logger.debug({ ...summaryOf(entry), due: dueMs }, `checked ${website.name}`)
    },
    standstills,
    logger,
    {
      began: (lateMs) => metrics.checkLate.add(Math.max(lateMs, 0) / 1_000),
      ended: (entry, afterMs) => metrics.checked(entry, afterMs / 1_000),
      missed: (turns) => metrics.checksMissed.inc(turns),
    },
  )
  metrics.checksRunning.fromValue(() => pool.running)
  metrics.checksWaiting.fromValue(() => pool.waiting)
  service.onStop('checks', () => pool.close())
  let blocked: string | undefined
  health.part('spool', () => blocked)
  spool.onBlocked((reason) => {
    blocked = reason
    if (reason) pool.pause(reason)
    else pool.resume()
  })
  const rechecks = new Rechecks(recheckSeconds, (website) =>
    pool.offer({ website, dueMs: Date.now(), intervalMs: recheckSeconds * 1000, missed: 0, recheck: true }),
  )
  service.onStop('rechecks', () => rechecks.stop())
  const schedule = new Schedule((turn) => {
    if (leases.owns(turn.website, turn.dueMs)) pool.offer(turn)
  })
  health.loop('schedule', () => schedule.trouble())
  metrics.checksDue.fromValue(() => schedule.perSecond)
  const leases = shareWebsites(service)
  metrics.shardsHeld.fromValue(() => leases.held.length)
  // At once, not in its turn: no new work from the first moment of a stop, and the others go on where this one ended.
  let left: Promise<void> | undefined
  const stop = () => {
    left = leases.stop(schedule.stop())
    left.catch(() => undefined)
  }
  signal.addEventListener('abort', stop, { once: true })
  service.onStop('leases', () => left)

  const list = new WebsiteList(database, leases, (websites, slotsAfterMs) => {
    schedule.replace(websites, intervalSeconds, slotsAfterMs)
    rechecks.keep(websites)
    doubt.keep(websites)
  })
  const followShards = async () => {
    try {
      await retry('reading the websites', () => list.read(), { signal, logger })
      logger.info({ websites: schedule.size, interval: intervalSeconds }, `checking ${schedule.size} websites`)
    } catch (error) {
      if (!signal.aborted) service.fail(error)
    }
  }
  await retry('taking shards of the websites', () => leases.start(() => void followShards()), { signal, logger })
  await followShards()
  service.every(intervalSeconds, 'reading the websites', () => list.read())
  service.every(intervalSeconds, 'reporting', async () => pool.report({ spool_entries: spool.entries }))
}

/** What a check needs beside its website, from the configuration. */
function makeChecker(service: Service): Checker {
  const { config, logger, aborting } = service
  const { timeoutSeconds, maxBodyBytes, userAgent, proxy, nameservers, allow, deny } = config.monitoring
  const unused = unusedProxyVariables(proxy, process.env)
  const shown = proxy === 'none' ? proxy : shownUrl(proxy)
  if (unused.length > 0)
    logger.warn(`monitoring.proxy is ${shown}: ${unused.join(', ')} of the environment is not used`)
  const resolver = new Resolver({ nameservers })
  service.onStop('resolver', () => resolver.close())
  const regexSearch = new RegexSearch()
  service.onStop('regex search', () => regexSearch.close())
  const checker = new Checker({
    timeoutMs: timeoutSeconds * 1000,
    maxBodyBytes,
    userAgent,
    intervalSeconds: config.monitoring.intervalSeconds,
    resolver,
    filter: new AddressFilter(allow, deny),
    proxyFor: proxyRule(proxy, process.env),
    search: (pattern, text) => regexSearch.search(pattern, text),
  })
  aborting.addEventListener('abort', () => checker.abort(), { once: true })
  return checker
}

/** For the log: no URL and no header, which can be secrets. */
function summaryOf({ websiteId, id, httpStatus, responseTimeMs, regexMatch, error, available }: CheckEntry) {
  return {
    website_id: websiteId,
    id,
    http_status: httpStatus,
    response_time: responseTimeMs,
    regex_match: regexMatch,
    error,
    available,
  }
}
