import { Counter, Gauge, Histogram } from 'prom-client'
import { checkErrors } from '../check/checkError.ts'
import type { CheckEntry } from '../checkEntry.ts'
import { QuickCounter, QuickHistogram, ReadGauge, type Tally } from './quickMetrics.ts'
import { newRegistry, partitionsCreated, serverBuckets } from './registry.ts'

const buckets = {
  check: [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 60],
  late: [0.005, 0.01, 0.05, 0.1, 0.5, 1, 3, 10, 30, 60],
}

/** The producer's part of the README's table. */
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
    buckets: serverBuckets,
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
