import type pg from 'pg'
import {
  type CountedStep,
  type PhaseMeans,
  readCounted,
  readMeasured,
  readSampledPhases,
  type Span,
} from '../database/responseTimes.ts'
import { histogramBoundsMs } from '../database/rollups.ts'
import { readStatusCounts, type StatusCount } from '../database/websiteHistory.ts'
import { dayMs, hourMs } from './history.ts'

export interface Point extends PhaseMeans {
  /** The start of its step, in ms of the Unix epoch. */
  readonly at: number
  readonly checks: number
  readonly failures: number
  readonly p50: number | null
  readonly p95: number | null
}

export interface ResponseTimes {
  readonly from: Date
  readonly to: Date
  readonly stepSeconds: number
  /** `checks`: to the millisecond; else p50 and p95 are estimated from a histogram, and phases are of some checks. */
  readonly source: 'checks' | 'hours' | 'days'
  readonly points: Point[]
  /** Of so many of the newest checks at most. */
  readonly statusCounts: StatusCount[]
  readonly statusLimit: number
}

const statusLimit = 2_000

/** Up to two days from the entries, up to two weeks by hours, and by days beyond. */
export async function readResponseTimes(
  pool: pg.Pool,
  signal: AbortSignal,
  { id, from, to }: Pick<Span, 'id' | 'from' | 'to'>,
): Promise<ResponseTimes> {
  const lengthMs = to.getTime() - from.getTime()
  const source = lengthMs <= 2 * dayMs ? 'checks' : lengthMs <= 15 * dayMs ? 'hours' : 'days'
  const stepMs = source === 'checks' ? measuredStep(lengthMs) : source === 'hours' ? hourMs : dayMs
  const span = { id, from: new Date(Math.floor(from.getTime() / stepMs) * stepMs), to, stepSeconds: stepMs / 1000 }
  const [points, statusCounts] = await Promise.all([
    source === 'checks' ? readMeasured(pool, signal, span) : readEstimated(pool, signal, span, source),
    readStatusCounts(pool, signal, { ...span, limit: statusLimit }),
  ])
  return { from: span.from, to, stepSeconds: span.stepSeconds, source, points, statusCounts, statusLimit }
}

/** Some 100 steps, of whole minutes. */
function measuredStep(lengthMs: number): number {
  const minutes = [1, 2, 5, 10, 15, 30].find((length) => lengthMs / (length * 60_000) <= 110) ?? 30
  return minutes * 60_000
}

async function readEstimated(
  pool: pg.Pool,
  signal: AbortSignal,
  span: Span,
  source: 'hours' | 'days',
): Promise<Point[]> {
  const [counted, phases] = await Promise.all([
    readCounted(pool, signal, span, source === 'hours' ? 'hour' : 'day'),
    readSampledPhases(pool, signal, span),
  ])
  const stepMs = span.stepSeconds * 1000
  const phasesAt = new Map(phases.map((means) => [means.at, means]))
  const steps = new Map<number, CountedStep>()
  for (const row of counted) {
    const at = Math.floor(row.at / stepMs) * stepMs
    const known = steps.get(at)
    steps.set(at, known ? together(known, row) : row)
  }
  return [...steps].map(([at, step]) => {
    return {
      ...(phasesAt.get(at) ?? noPhases),
      at,
      checks: step.checks,
      failures: step.failures,
      p50: percentile(step, 0.5),
      p95: percentile(step, 0.95),
    }
  })
}

const noPhases: PhaseMeans = { dns: null, connect: null, tls: null, firstByte: null, body: null }

function together(one: CountedStep, other: CountedStep): CountedStep {
  const known = (a: number | null, b: number | null, of: (...numbers: number[]) => number) =>
    a === null ? b : b === null ? a : of(a, b)
  return {
    at: one.at,
    checks: one.checks + other.checks,
    failures: one.failures + other.failures,
    responses: one.responses + other.responses,
    min: known(one.min, other.min, Math.min),
    max: known(one.max, other.max, Math.max),
    histogram: one.histogram.map((amount, n) => amount + (other.histogram[n] ?? 0)),
  }
}

/** Evenly within the class that holds it, and never beyond the shortest and the longest. */
export function percentile(
  { responses, min, max, histogram }: Omit<CountedStep, 'at' | 'checks' | 'failures'>,
  share: number,
): number | null {
  if (responses === 0 || min === null || max === null) return null
  const wanted = share * responses
  let below = 0
  for (const [n, amount] of histogram.entries()) {
    if (amount > 0 && below + amount >= wanted) {
      const from = Math.max(min, n === 0 ? 0 : (histogramBoundsMs[n - 1] as number))
      const to = Math.min(max, histogramBoundsMs[n] ?? max)
      return Math.round(from + ((to - from) * (wanted - below)) / amount)
    }
    below += amount
  }
  return max
}
