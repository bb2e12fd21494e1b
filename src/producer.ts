/** Reads the websites, checks each on its interval, and publishes what came of it. */
import { check } from './check/check.ts'
import { CheckPool } from './check/pool.ts'
import { RegexSearch } from './check/regex/search.ts'
import { openDatabase } from './database/database.ts'
import { prepareTables } from './database/tables.ts'
import { readWebsites } from './database/websites.ts'
import { kafkaClient } from './kafka/client.ts'
import { Publisher } from './kafka/publisher.ts'
import { ensureTopic } from './kafka/topic.ts'
import { encode } from './message.ts'
import { retry } from './retry.ts'
import { Schedule } from './schedule.ts'
import { runService } from './service.ts'

await runService('producer', async (service) => {
  const { config, logger, stopping: signal, aborting } = service
  const { intervalSeconds, timeoutSeconds, maxBodyBytes } = config.monitoring
  const name = `${config.application.name} producer`
  await service.serveHealth('producer')

  const database = openDatabase(config.database, { name, connections: 2 }, logger)
  service.onStop('database', () => database.end())
  const kafka = kafkaClient(config.kafka, name, logger)
  await Promise.all([ensureTopic(config.kafka, name, { signal, logger }), prepareTables(database, service)])

  const publisher = new Publisher(kafka, config.kafka.topic, logger)
  service.onStop('publisher', () => publisher.close(aborting))
  await publisher.connect()

  const regexSearch = new RegexSearch()
  service.onStop('regex search', () => regexSearch.close())
  const pool = new CheckPool(
    config.producer.threads,
    (website) =>
      check(website, {
        timeoutMs: (website.timeout ?? timeoutSeconds) * 1000,
        maxBodyBytes,
        search: (pattern, text) => regexSearch.search(pattern, text),
        signal: aborting,
      }),
    (entry, website) => {
      publisher.publish(entry.websiteId, encode(entry))
      logger.debug(
        {
          website_id: entry.websiteId,
          id: entry.id,
          http_status: entry.httpStatus,
          response_time: entry.responseTimeMs,
          regex_match: entry.regexMatch,
          error: entry.error,
        },
        `checked ${website.name}`,
      )
    },
    logger,
  )
  service.onStop('checks', () => pool.close())

  const schedule = new Schedule((turn) => pool.offer(turn))
  service.onStop('schedule', () => schedule.stop())
  const readList = async () => schedule.replace(await readWebsites(database), intervalSeconds)
  await retry('reading the websites', readList, { signal, logger })
  logger.info({ websites: schedule.size, interval: intervalSeconds }, `checking ${schedule.size} websites`)
  service.every(intervalSeconds, 'reading the websites', readList)
  service.every(intervalSeconds, 'reporting late checks', async () => pool.report())
})
