/** Uptime, coverage, and what the bars show of them. */
import type { Sums } from '../database/overview.ts'

export const hourMs = 3_600_000
export const dayMs = 86_400_000

/** The windows of uptime: so many full hours or days of UTC, and the running one. */
export const windows = ['24h', '7d', '30d', '90d'] as const
export type Window = (typeof windows)[number]

export function windowStart(window: Window, nowMs: number): number {
  const unit = window === '24h' ? hourMs : dayMs
  return Math.floor(nowMs / unit) * unit - Number.parseInt(window, 10) * unit
}

export interface Uptime {
  /** The share of checks that were good; null: there was none. */
  readonly uptime: number | null
  /** The share of the time, since the website was added, for which there are checks. */
  readonly coverage: number
}

export function uptimeOf({ checks, failures, covered }: Sums, fromMs: number, addedMs: number, nowMs: number): Uptime {
  const seconds = Math.max(1, (nowMs - Math.max(fromMs, addedMs)) / 1000)
  return { uptime: checks === 0 ? null : 1 - failures / checks, coverage: Math.min(1, covered / seconds) }
}

/** An hour or a day of a website. */
export interface Cell extends Sums {
  /** Since the Unix epoch, in hours or days. */
  readonly number: number
  /** Mean response time in ms; null: no response, or not told. */
  readonly responseTime: number | null
}

/** As the database packs them: see WebsiteHours and WebsiteDays. */
export function unpack(cells: string): Cell[] {
  if (cells === '') return []
  return cells.split(';').map((cell) => {
    const [number = 0, checks = 0, failures = 0, covered = 0, responseTime = null] = cell.split(',').map(Number)
    return { number, checks, failures, covered, responseTime }
  })
}

export interface Bar extends Uptime {
  /** Its start, in ms of the Unix epoch. */
  readonly atMs: number
  readonly responseTime: number | null
  /** The website was not there yet. */
  readonly before: boolean
}

/**
 * A bar for each hour or day until now, also for those without checks.
 *
 * What a check covers beyond the end of its hour counts for the next ones: one that is made every 6 hours leaves no gap.
 */
export function barsOf(cells: readonly Cell[], unitMs: number, count: number, addedMs: number, nowMs: number): Bar[] {
  const last = Math.floor(nowMs / unitMs)
  const known = new Map(cells.map((cell) => [cell.number, cell]))
  let carried = 0
  let carriedUptime: number | null = null
  return Array.from({ length: count }, (_, n) => {
    const number = last - count + 1 + n
    const [fromMs, toMs] = [Math.max(number * unitMs, addedMs), Math.min((number + 1) * unitMs, nowMs)]
    const { checks, failures, covered, responseTime } = known.get(number) ?? none
    const seconds = Math.max(1, (toMs - fromMs) / 1000)
    const all = covered + carried
    const uptime = checks > 0 ? 1 - failures / checks : all > 0 ? carriedUptime : null
    carried = Math.max(0, all - unitMs / 1000)
    carriedUptime = uptime
    return {
      atMs: number * unitMs,
      before: toMs <= fromMs && checks === 0,
      uptime,
      coverage: Math.min(1, all / seconds),
      responseTime,
    }
  })
}

const none = { checks: 0, failures: 0, covered: 0, responseTime: null }
