/** All metrics, with their names, help texts and buckets: the README's table is this. Times are seconds. */
import { readFileSync } from 'node:fs'
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import { checkErrors } from './check/checkError.ts'
import type { CheckEntry } from './checkEntry.ts'
import { deadLetterKinds } from './deadLetter.ts'
import { QuickCounter, QuickHistogram, ReadGauge, type Tally } from './quickMetrics.ts'

const buckets = {
  check: [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 60],
  late: [0.005, 0.01, 0.05, 0.1, 0.5, 1, 3, 10, 30, 60],
  server: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
  entries: [1, 3, 10, 30, 100, 300, 1_000, 3_000, 10_000],
  age: [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3_600, 21_600, 86_400],
}

/** Certificates that end within so many days; 0: that have ended. */
export const certificateDays = [0, 3, 7, 14, 30] as const

export class ProducerMetrics {
  readonly registry = newRegistry()
  readonly #own = { registers: [this.registry] }
  readonly #checks = new QuickCounter({
    ...this.#own,
    name: 'webmon_checks_total',
    help: 'Checks that have ended, by whether the website was available, and by the error of the entry (none: a complete response)',
    labelNames: ['outcome', 'error'],
  })
  readonly checkDuration = new QuickHistogram({
    ...this.#own,
    name: 'webmon_check_duration_seconds',
    help: 'How long checks took in all, redirects, body and regex included',
    buckets: buckets.check,
  })
  readonly checkLate = new QuickHistogram({
    ...this.#own,
    name: 'webmon_check_late_seconds',
    help: 'How long after their due time checks began',
    buckets: buckets.late,
  })
  readonly checksMissed = new Counter({
    ...this.#own,
    name: 'webmon_checks_missed_total',
    help: 'Turns of websites that passed without a check',
  })
  readonly checksRunning = new ReadGauge({
    ...this.#own,
    name: 'webmon_checks_running',
    help: 'Checks under way',
  })
  readonly checksWaiting = new ReadGauge({
    ...this.#own,
    name: 'webmon_checks_waiting',
    help: 'Checks that are due and wait for a thread of producer.threads',
  })
  readonly checksDue = new ReadGauge({
    ...this.#own,
    name: 'webmon_checks_due_per_second',
    help: 'Checks that come due in a second, in the mean: one per interval of each website',
  })
  readonly shardsHeld = new ReadGauge({
    ...this.#own,
    name: 'webmon_shards_held',
    help: 'Shards of websites, of 256, that this producer checks; 0: it stands by',
  })
  readonly networkInDoubt = new ReadGauge({
    ...this.#own,
    name: 'webmon_network_in_doubt',
    help: '1 while most websites fail with a network error, so that it is rather the network of the producer',
  })
  readonly spoolEntries = new ReadGauge({
    ...this.#own,
    name: 'webmon_spool_entries',
    help: 'Check entries that Kafka has not acknowledged yet',
  })
  readonly spoolBytes = new ReadGauge({
    ...this.#own,
    name: 'webmon_spool_bytes',
    help: 'What these entries take of the limit',
  })
  readonly spoolLimit = new Gauge({
    ...this.#own,
    name: 'webmon_spool_limit_bytes',
    help: 'producer.spool.limit: new checks pause at 95 % of it',
  })
  readonly publishDuration = new Histogram({
    ...this.#own,
    name: 'webmon_publish_duration_seconds',
    help: 'From sending a batch to its acknowledgement by all in-sync replicas',
    buckets: buckets.server,
  })
  readonly publishFailures = new Counter({
    ...this.#own,
    name: 'webmon_publish_failures_total',
    help: 'Batches that Kafka did not acknowledge; they are sent again',
  })
  readonly partitionsCreated = partitionsCreated(this.registry)

  readonly #available = this.#checks.tally({ outcome: 'available', error: 'none' })
  readonly #unavailable = new Map<string | null, Tally>(
    [null, ...Object.keys(checkErrors)].map((error) => [
      error,
      this.#checks.tally({ outcome: 'unavailable', error: error ?? 'none' }),
    ]),
  )

  /** @param seconds that the check took */
  checked({ available, error }: CheckEntry, seconds: number): void {
    const tally = available ? this.#available : this.#unavailable.get(error)
    if (tally) tally.count++
    this.checkDuration.add(seconds)
  }
}

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
    buckets: buckets.server,
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

function newRegistry(): Registry {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  // Gauges with the name of a counter, which promtool does not like, and which tell nothing of webmon.
  for (const name of ['nodejs_active_handles_total', 'nodejs_active_requests_total', 'nodejs_active_resources_total'])
    registry.removeSingleMetric(name)
  const info = new Gauge({
    name: 'webmon_build_info',
    help: 'Always 1; the version is its label',
    labelNames: ['version'],
    registers: [registry],
  })
  info.set({ version: version() }, 1)
  return registry
}

function partitionsCreated(registry: Registry): Counter {
  return new Counter({
    name: 'webmon_partitions_created_total',
    help: 'Partitions of tables that this process made, without the first ones of all',
    registers: [registry],
  })
}

function version(): string {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8')
  return (JSON.parse(text) as { version: string }).version
}
