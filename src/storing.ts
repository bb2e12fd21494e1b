import type pg from 'pg'
import { CheckEnds } from './checkEnds.ts'
import { type Stored, storeChunk } from './database/chunk.ts'
import { followSignals } from './followSignals.ts'
import { decoded, oldestDaysWithoutRetention } from './message.ts'
import type { ConsumerMetrics } from './metrics/consumerMetrics.ts'
import { messageOf, retry } from './retry.ts'
import type { Service } from './service.ts'
import type { TopicRecord } from './topicRecord.ts'

/** What others want to know of it. */
export interface StoringEvents {
  /** There are alerts to send. */
  alerts(): void
  /** Entries that were not there. */
  entries(): void
}

/** Stores records of the topic, for as long as that takes, and tells what became of them. */
export class Storing {
  #failure: string | undefined
  #window = { entries: 0, duplicates: 0, deadLetters: 0, sinceMs: Date.now() }

  constructor(
    private readonly database: pg.Pool,
    private readonly service: Service,
    private readonly metrics: ConsumerMetrics,
    private readonly tell: StoringEvents,
  ) {}

  /** What is wrong, in words; undefined: nothing. */
  trouble(): string | undefined {
    return this.#failure
  }

  /** One line of what was done since the last report. @param lag undefined: not known */
  report(lag: number | undefined): void {
    const { entries, duplicates, deadLetters, sinceMs } = this.#window
    this.#window = { entries: 0, duplicates: 0, deadLetters: 0, sinceMs: Date.now() }
    const seconds = Math.round((Date.now() - sinceMs) / 1000)
    this.service.logger.info(
      { entries, duplicates, dead_letters: deadLetters, lag },
      `${entries} entries stored in ${seconds} s: ${duplicates} came again, ${deadLetters} dead letters, lag ${lag ?? 'unknown'}`,
    )
  }

  /**
   * @param records of one partition
   * @throws when the signal is aborted, or at a stop
   */
  async store(records: TopicRecord[], signal: AbortSignal): Promise<void> {
    const { logger, stopping } = this.service
    // A stop ends the waiting between two attempts at once, a running attempt only when it is aborted.
    const waiting = followSignals(signal, stopping)
    try {
      this.#tell(
        records,
        await retry('storing', () => this.#attempt(records, signal), { signal: waiting.signal, logger }),
      )
    } finally {
      this.#failure = undefined
      waiting.release()
    }
  }

  async #attempt(records: TopicRecord[], signal: AbortSignal): Promise<Stored> {
    const { config, logger } = this.service
    const { insertDuration, entryAge, partitionsCreated } = this.metrics
    const { entryDays, hourDays } = config.database.retention
    const ends = new CheckEnds(decoded(records, entryDays || oldestDaysWithoutRetention), records.length)
    const startMs = performance.now()
    try {
      const stored = await storeChunk(this.database, ends, {
        logger,
        intervalSeconds: config.monitoring.intervalSeconds,
        hourDays,
        incidents: config.monitoring,
        receivers: config.alerts.receivers,
        signal,
        onPartitionsMade: (count) => partitionsCreated.inc(count),
      })
      insertDuration.observe((performance.now() - startMs) / 1_000)
      ends.tellAges((seconds) => entryAge.add(seconds))
      return stored
    } catch (error) {
      this.#failure = messageOf(error)
      throw error
    }
  }

  #tell(records: TopicRecord[], stored: Stored): void {
    const { entries, duplicates, deadLetters, statusChanges, incidentEvents, alerts } = stored
    if (alerts > 0) this.tell.alerts()
    if (entries > 0) this.tell.entries()
    const { logger } = this.service
    const { metrics } = this
    this.#window.entries += entries
    this.#window.duplicates += duplicates
    this.#window.deadLetters += deadLetters.length
    metrics.batchEntries.observe(records.length)
    metrics.entriesStored.inc(entries)
    metrics.entriesDuplicate.inc(duplicates)
    for (const { kind } of deadLetters) metrics.deadLetters.inc({ reason: kind })
    const { topic, partition } = records[0] as TopicRecord
    logger.debug({ topic, partition, entries, duplicates }, `stored ${entries} entries`)
    for (const { record, kind, reason } of deadLetters) {
      const fields = {
        topic,
        partition,
        offset: String(record.offset),
        reason,
        repeats: `dead letter: ${kind}`,
      }
      logger.warn(fields, 'a message became a dead letter')
    }
    for (const { websiteId, from, to } of statusChanges) {
      logger.info({ website_id: websiteId, from, to }, `a website is ${to}`)
    }
    for (const { kind, websiteId, incidentId } of incidentEvents) {
      logger.info({ website_id: websiteId, incident_id: incidentId }, `an incident is ${kind}`)
    }
  }
}
