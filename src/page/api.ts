/** The JSON behind the page, as docs/api.md describes it. */
import type pg from 'pg'
import { readChecks, readIncidents } from '../database/websiteHistory.ts'
import { type Answer, jsonAnswer, Refusal } from './answer.ts'
import { isTime, isUuid, limitOf, readCursor, writeCursor } from './cursor.ts'
import { matching } from './filter.ts'
import { dayMs, windowStart, windows } from './history.ts'
import { byName, type Overview, type ShownWebsite, type Status, statuses } from './overview.ts'
import { readResponseTimes } from './responseTimes.ts'

const iso = (ms: number | null) => (ms === null ? null : new Date(ms).toISOString())

export class Api {
  constructor(
    private readonly pool: pg.Pool,
    private readonly signal: AbortSignal,
    private readonly overview: Overview,
  ) {}

  async websites(query: URLSearchParams): Promise<Answer> {
    const [limit, after] = [limitOf(query, 100, 1_000), readCursor(query.get('after'))]
    const status = query.get('status') ?? ''
    if (status !== '' && !statuses.includes(status as Status)) {
      throw new Refusal(400, `status: expected one of ${statuses.join(', ')}`)
    }
    const snapshot = await this.overview.get()
    const found = matching(snapshot, {
      q: query.get('q') ?? '',
      tag: query.get('tag') ?? '',
      status: status as Status | '',
    })
    const place = after && { sortName: after[0], id: after[1] }
    const rest = place ? found.filter((website) => byName(website, place) > 0) : found
    const page = rest.slice(0, limit)
    const last = page.at(-1)
    return jsonAnswer({
      as_of: iso(snapshot.atMs),
      counts: snapshot.counts,
      total: found.length,
      websites: page.map(websiteJson),
      next: last && rest.length > limit ? writeCursor([last.sortName, last.id]) : null,
    })
  }

  async website(id: string): Promise<Answer> {
    const website = await this.#find(id)
    const bars = (name: 'hourBars' | 'dayBars') =>
      website[name]().map(({ atMs, uptime, coverage, responseTime }) => ({
        from: iso(atMs),
        uptime,
        coverage,
        ...(name === 'hourBars' && { response_time: responseTime }),
      }))
    return jsonAnswer({ ...websiteJson(website), hours: bars('hourBars'), days: bars('dayBars') })
  }

  async checks(id: string, query: URLSearchParams): Promise<Answer> {
    const [limit, before] = [limitOf(query, 100, 1_000), readCursor(query.get('before'), isTime)]
    await this.#find(id)
    const rows = await readChecks(this.pool, this.signal, { id, before, limit: limit + 1 })
    const checks = rows.slice(0, limit)
    const last = checks.at(-1)
    return jsonAnswer({ checks, next: last && rows.length > limit ? writeCursor([last.timestamp, last.id]) : null })
  }

  async responseTimes(id: string, query: URLSearchParams): Promise<Answer> {
    const { from, to } = spanOf(query)
    await this.#find(id)
    const { points, statusCounts, statusLimit, stepSeconds, source, ...span } = await readResponseTimes(
      this.pool,
      this.signal,
      { id, from, to },
    )
    return jsonAnswer({
      from: span.from,
      to: span.to,
      step: stepSeconds,
      source,
      points: points.map(({ at, firstByte, ...point }) => ({ ...point, first_byte: firstByte, from: iso(at) })),
      status_counts: statusCounts,
      status_limit: statusLimit,
    })
  }

  async incidents(query: URLSearchParams): Promise<Answer> {
    const [limit, before] = [limitOf(query, 100, 1_000), readCursor(query.get('before'), isTime)]
    const [website, open] = [query.get('website') ?? undefined, query.get('open')]
    if (website !== undefined && !isUuid(website)) throw new Refusal(400, 'website: expected an id')
    if (open !== null && !/^(true|false)$/.test(open)) throw new Refusal(400, 'open: expected true or false')
    const filter = { website, open: open === null ? undefined : open === 'true', before, limit: limit + 1 }
    const rows = await readIncidents(this.pool, this.signal, filter)
    const incidents = rows.slice(0, limit)
    const last = incidents.at(-1)
    return jsonAnswer({ incidents, next: last && rows.length > limit ? writeCursor([last.started, last.id]) : null })
  }

  async #find(id: string): Promise<ShownWebsite> {
    const website = (await this.overview.get()).byId.get(id)
    if (!website) throw new Refusal(404, 'there is no such website')
    return website
  }
}

function websiteJson(website: ShownWebsite) {
  const { id, url, now } = website
  return {
    id,
    name: now.name,
    url,
    tags: now.tags,
    status: now.status,
    since: iso(website.sinceMs),
    added: iso(now.added),
    incident: now.incident && { id: now.incident, started: iso(now.started), cause: now.cause, detail: now.detail },
    last_check: now.checked && {
      timestamp: iso(now.checked),
      http_status: now.http_status,
      response_time: now.response_time,
      error: now.error,
    },
    uptime: Object.fromEntries(windows.map((window) => [window, website.uptime(window)])),
  }
}

/** A range of the page, or from and to. @throws {Refusal} */
function spanOf(query: URLSearchParams): { from: Date; to: Date } {
  const range = query.get('range')
  const window = windows.find((known) => known === range)
  const to = new Date(query.get('to') ?? Date.now())
  if (range !== null && !window) throw new Refusal(400, `range: expected one of ${windows.join(', ')}`)
  const from = new Date(query.get('from') ?? windowStart(window ?? '24h', to.getTime()))
  const lengthMs = to.getTime() - from.getTime()
  if (Number.isNaN(lengthMs)) throw new Refusal(400, 'from, to: expected times such as 2026-11-24T12:00:00Z')
  if (lengthMs <= 0 || lengthMs > 400 * dayMs) throw new Refusal(400, 'from, to: expected a time of at most 400 days')
  return { from, to }
}
