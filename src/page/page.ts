import type { IncomingMessage, ServerResponse } from 'node:http'
import type pg from 'pg'
import { readChecks, readIncidents } from '../database/websiteHistory.ts'
import { listWebsites } from '../database/websiteList.ts'
import type { Logger } from '../logger.ts'
import { messageOf } from '../retry.ts'
import { type Answer, htmlAnswer, jsonAnswer, Refusal } from './answer.ts'
import { Api } from './api.ts'
import { readAssets } from './assets.ts'
import { badge } from './badge.ts'
import { filterOf } from './filter.ts'
import { windowStart, windows } from './history.ts'
import { messagePage } from './layout.ts'
import { Overview, type Snapshot } from './overview.ts'
import { overviewPage } from './overviewPage.ts'
import { readResponseTimes } from './responseTimes.ts'
import { websitePage } from './websitePage.ts'

/** Answers kept for visitors who ask the same: of one snapshot, and at most so many. */
const answersKept = 100

/** The page, its API and its badges. It reads, and changes nothing. */
export class Page {
  readonly overview: Overview
  readonly #api: Api
  readonly #assets = readAssets()
  #answers = new Map<string, Promise<Answer>>()
  #answersOf: Snapshot | undefined

  /** @param pool of its own: with few connections, so that visitors never take one from those that store */
  constructor(
    private readonly pool: pg.Pool,
    private readonly signal: AbortSignal,
    private readonly logger: Pick<Logger, 'warn'>,
  ) {
    this.overview = new Overview(pool, signal)
    this.#api = new Api(pool, signal, this.overview)
  }

  /** @returns false when nothing of the page is at this path */
  async serve(request: IncomingMessage, response: ServerResponse): Promise<boolean> {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://page')
    const route = this.#route(pathname, searchParams)
    if (!route) return false
    const answer = await route().catch((error: unknown) => this.#failed(pathname, error))
    await answer.send(request, response)
    return true
  }

  #route(path: string, query: URLSearchParams): (() => Promise<Answer>) | undefined {
    const [wing = '', name = '', id = '', part = '', ...more] = path.split('/').slice(1)
    const depth = path.split('/').length - 1
    if (path === '/') return () => this.#overviewPage(query)
    if (wing === 'websites' && depth === 2) return () => this.#websitePage(name, query)
    if (wing === 'badge' && depth === 2) return () => this.#badge(name.replace(/\.svg$/, ''))
    if (wing === 'assets' && depth === 2) return async () => this.#assets.get(name) ?? nothingHere()
    if (wing === 'api' && more.length === 0) return async () => this.#ofApi([name, id, part], query) ?? nothingHere()
    return undefined
  }

  #ofApi([name, id, part]: [string, string, string], query: URLSearchParams): Promise<Answer> | undefined {
    if (name === 'incidents' && !id) return this.#api.incidents(query)
    if (name !== 'websites') return undefined
    if (!id) return this.#api.websites(query)
    if (!part) return this.#api.website(id)
    if (part === 'checks') return this.#api.checks(id, query)
    return part === 'response-times' ? this.#api.responseTimes(id, query) : undefined
  }

  #overviewPage(query: URLSearchParams): Promise<Answer> {
    return this.#kept(`/?${query}`, (snapshot) => htmlAnswer(overviewPage(snapshot, filterOf(query))))
  }

  #badge(id: string): Promise<Answer> {
    return this.#kept(`/badge/${id}`, (snapshot) => {
      const website = snapshot.byId.get(id)
      if (!website) throw new Refusal(404, 'there is no such website')
      return badge(website)
    })
  }

  #websitePage(id: string, query: URLSearchParams): Promise<Answer> {
    const range = windows.find((window) => window === query.get('range')) ?? '24h'
    return this.#kept(`/websites/${id}?${range}`, async (snapshot) => {
      const website = snapshot.byId.get(id)
      if (!website) throw new Refusal(404, 'There is no such website.')
      const { pool, signal } = this
      const to = new Date(website.now.now)
      const [[settings], checks, incidents, times] = await Promise.all([
        listWebsites(pool, { ids: [id] }),
        readChecks(pool, signal, { id, limit: 50 }),
        readIncidents(pool, signal, { website: id, limit: 20 }),
        readResponseTimes(pool, signal, { id, from: new Date(windowStart(range, to.getTime())), to }),
      ])
      if (!settings) throw new Refusal(404, 'There is no such website.')
      return htmlAnswer(websitePage(snapshot, website, { settings, checks, incidents, times, range }))
    })
  }

  /** Whoever asks the same of the same snapshot gets the same. */
  async #kept(key: string, make: (snapshot: Snapshot) => Answer | Promise<Answer>): Promise<Answer> {
    const snapshot = await this.overview.get()
    if (this.#answersOf !== snapshot || this.#answers.size >= answersKept) {
      this.#answers = new Map()
      this.#answersOf = snapshot
    }
    const answers = this.#answers
    const known = answers.get(key)
    if (known) return known
    const made = Promise.resolve().then(() => make(snapshot))
    answers.set(key, made)
    // What failed is tried again by the next one.
    made.catch(() => answers.delete(key))
    return made
  }

  #failed(path: string, error: unknown): Answer {
    const isApi = path.startsWith('/api/')
    if (error instanceof Refusal) {
      return isApi
        ? jsonAnswer({ error: error.message }, error.status)
        : htmlAnswer(messagePage('Not found', error.message), error.status)
    }
    // Visitors need not know how the database is reached.
    const failure = `the page cannot be read: ${messageOf(error)}`
    this.logger.warn({ repeats: failure }, failure)
    const sentence = 'The database does not answer. Checks are stored as soon as it does.'
    return isApi ? jsonAnswer({ error: sentence }, 503) : htmlAnswer(messagePage('Nothing to show', sentence), 503)
  }
}

function nothingHere(): never {
  throw new Refusal(404, 'There is nothing here.')
}
