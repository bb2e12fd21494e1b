import { Counter, type CounterConfiguration, Gauge, type GaugeConfiguration, Histogram } from 'prom-client'

/**
 * For the paths that thousands of checks and rows take in a second: prom-client's inc() and observe() take 250 to 500 ns
 * each, because they look labels up by text; these take a few, and hand over when somebody asks.
 */
export interface Tally {
  count: number
}

export class QuickCounter<Label extends string> extends Counter<Label> {
  readonly #tallies: { readonly labels: Partial<Record<Label, string>>; readonly tally: Tally }[] = []

  constructor(configuration: CounterConfiguration<Label>) {
    super({ ...configuration, collect: () => this.#handOver() })
  }

  /** A series, which is there from now on: Prometheus sees an increase only from one value to another. */
  tally(labels: Partial<Record<Label, string>>): Tally {
    const tally = { count: 0 }
    this.#tallies.push({ labels, tally })
    this.inc(labels, 0)
    return tally
  }

  #handOver(): void {
    for (const { labels, tally } of this.#tallies) {
      if (tally.count > 0) this.inc(labels, tally.count)
      tally.count = 0
    }
  }
}

/** What prom-client keeps of a histogram without labels. */
interface Kept {
  hashMap: { ''?: { bucketValues: Record<number, number>; sum: number; count: number } }
}

export interface QuickHistogramConfiguration {
  readonly name: string
  readonly help: string
  /** Upper bounds, in order. */
  readonly buckets: number[]
  readonly registers: NonNullable<CounterConfiguration<never>['registers']>
}

/** Without labels. */
export class QuickHistogram extends Histogram {
  readonly #bounds: Float64Array
  readonly #counts: Float64Array
  #sum = 0

  constructor(configuration: QuickHistogramConfiguration) {
    super({ ...configuration, collect: () => this.#handOver() })
    this.#bounds = Float64Array.from(configuration.buckets)
    this.#counts = new Float64Array(this.#bounds.length + 1)
  }

  /** Finite: NaN would be in each sum from then on. */
  add(value: number): void {
    let n = 0
    while (n < this.#bounds.length && value > (this.#bounds[n] as number)) n++
    this.#counts[n] = (this.#counts[n] as number) + 1
    this.#sum += value
  }

  #handOver(): void {
    const { hashMap } = this as unknown as Kept
    const kept = hashMap['']
    if (!kept) return
    this.#counts.forEach((count, n) => {
      const bound = this.#bounds[n]
      if (bound !== undefined) kept.bucketValues[bound] = (kept.bucketValues[bound] ?? 0) + count
      kept.count += count
    })
    kept.sum += this.#sum
    this.#counts.fill(0)
    this.#sum = 0
  }
}

export type Reading<Label extends string> = readonly [labels: Partial<Record<Label, string>>, value: number]

/** A gauge that is read when somebody asks. */
export class ReadGauge<Label extends string = never> extends Gauge<Label> {
  #read: () => Promise<readonly Reading<Label>[]> | readonly Reading<Label>[] = () => []

  constructor(configuration: GaugeConfiguration<Label>) {
    super({ ...configuration, collect: () => this.#collect() })
  }

  /** @param read when it throws, there is no series: better none than a wrong one */
  from(read: () => Promise<readonly Reading<Label>[]> | readonly Reading<Label>[]): void {
    this.#read = read
  }

  /** Of a gauge without labels. */
  fromValue(read: () => number): void {
    this.#read = () => [[{}, read()]]
  }

  async #collect(): Promise<void> {
    let readings: readonly Reading<Label>[] = []
    try {
      readings = await this.#read()
    } catch {
      // What is in trouble is told by /readyz and the log.
    }
    // At once: two may be asking.
    this.reset()
    for (const [labels, value] of readings) this.set(labels, value)
  }
}
