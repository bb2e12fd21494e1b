import { Counter, Histogram } from 'prom-client'
import { deadLetterKinds } from '../deadLetter.ts'
import { QuickHistogram, ReadGauge } from './quickMetrics.ts'
import { newRegistry, partitionsCreated, serverBuckets } from './registry.ts'

const buckets = {
  entries: [1, 3, 10, 30, 100, 300, 1_000, 3_000, 10_000],
  age: [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3_600, 21_600, 86_400],
}

/** Certificates that end within so many days; 0: that have ended. */
export const certificateDays = [0, 3, 7, 14, 30] as const

/** The consumer's part of the README's table. */
export class ConsumerMetrics {
  readonly registry = newRegistry()
  readonly #own = { registers: [this.registry] }
  readonly lag = new ReadGauge({
    ...this.#own,
    name: 'webmon_consumer_lag',
    help: 'Messages that are in a partition of this consumer and not committed; no series: Kafka does not answer',
    labelNames: ['partition'],
  })
  readonly batchEntries = new Histogram({
    ...this.#own,
    name: 'webmon_batch_entries',
    help: 'Messages that were stored in one transaction',
    buckets: buckets.entries,
  })
  readonly insertDuration = new Histogram({
    ...this.#own,
    name: 'webmon_insert_duration_seconds',
    help: 'How long such a transaction took, decoding and attempts at once included',
    buckets: serverBuckets,
  })
  readonly entriesStored = new Counter({
    ...this.#own,
    name: 'webmon_entries_stored_total',
    help: 'Check entries that were stored',
  })
  readonly entriesDuplicate = new Counter({
    ...this.#own,
    name: 'webmon_entries_duplicate_total',
    help: 'Check entries that were delivered again, and are there once',
  })
  readonly deadLetters = new Counter({
    ...this.#own,
    name: 'webmon_dead_letters_total',
    help: `Messages that became dead letters: ${deadLetterKinds.join(', ')}`,
    labelNames: ['reason'],
  })
  readonly entryAge = new QuickHistogram({
    ...this.#own,
    name: 'webmon_entry_age_seconds',
    help: "From the end of a check to its row's commit",
    buckets: buckets.age,
  })
  readonly rebalances = new Counter({
    ...this.#own,
    name: 'webmon_rebalances_total',
    help: 'Times that this consumer got its partitions, the first one included',
  })
  readonly messagesGone = new Counter({
    ...this.#own,
    name: 'webmon_messages_gone_total',
    help: 'Messages that Kafka deleted before they were stored',
  })
  readonly partitionsCreated = partitionsCreated(this.registry)
  readonly partitionsDropped = new Counter({
    ...this.#own,
    name: 'webmon_partitions_dropped_total',
    help: 'Partitions of tables that were dropped because of the retention',
  })
  readonly websites = new ReadGauge({
    ...this.#own,
    name: 'webmon_websites',
    help: 'Enabled websites by website.status; each consumer tells all of them',
    labelNames: ['status'],
  })
  readonly certificatesExpiring = new ReadGauge({
    ...this.#own,
    name: 'webmon_certificates_expiring',
    help: `Enabled websites whose certificate ends within ${certificateDays.map((days) => `${days}d`).join(', ')} (0d: has ended)`,
    labelNames: ['within'],
  })

  readonly incidentsOpen = new ReadGauge({
    ...this.#own,
    name: 'webmon_incidents_open',
    help: 'Incidents that last; each consumer tells all of them',
  })
  readonly alertsSent = new Counter({
    ...this.#own,
    name: 'webmon_alerts_sent_total',
    help: 'Alerts that a receiver has taken',
    labelNames: ['receiver'],
  })
  readonly alertFailures = new Counter({
    ...this.#own,
    name: 'webmon_alert_failures_total',
    help: 'Messages with alerts that a receiver has not taken; they are sent again',
    labelNames: ['receiver'],
  })
  readonly alertsWaiting = new ReadGauge({
    ...this.#own,
    name: 'webmon_alerts_waiting',
    help: 'Alerts that are not sent yet, without those about silenced websites; each consumer tells all of them',
  })

  constructor() {
    for (const reason of deadLetterKinds) this.deadLetters.inc({ reason }, 0)
  }

  /** Its series are there from now on. */
  knowReceiver(receiver: string): void {
    this.alertsSent.inc({ receiver }, 0)
    this.alertFailures.inc({ receiver }, 0)
  }

  /** @param counts with the certificates of `certificateDays` */
  countWebsites(counts: {
    get(): Promise<{
      byStatus: Record<string, number>
      certificates: readonly number[]
      openIncidents: number
      waitingAlerts: number
    }>
  }): void {
    this.websites.from(async () =>
      Object.entries((await counts.get()).byStatus).map(([status, count]) => [{ status }, count]),
    )
    this.incidentsOpen.from(async () => [[{}, (await counts.get()).openIncidents]])
    this.alertsWaiting.from(async () => [[{}, (await counts.get()).waitingAlerts]])
    this.certificatesExpiring.from(async () =>
      (await counts.get()).certificates.map((count, n) => [{ within: `${certificateDays[n]}d` }, count]),
    )
  }
}
