import http from 'node:http'
import https from 'node:https'
import type { Readable } from 'node:stream'
import axios, { type AxiosResponse } from 'axios'
import { v7 as uuidv7 } from 'uuid'
import type { CheckEntry } from '../checkEntry.ts'
import type { Website } from '../website.ts'
import { decodeBody, readBody } from './body.ts'
import type { CheckError } from './checkError.ts'
import { classify, type Failure } from './classify.ts'

export interface CheckOptions {
  /** Milliseconds until the check ends, whatever the website does. */
  readonly timeoutMs: number
  /** How much of a page is read, after decompression. */
  readonly maxBodyBytes: number
  /** Whether Python's `re.search` finds the pattern in the text. @throws with a reason when the pattern is no good */
  readonly search: (pattern: string, text: string) => Promise<boolean>
  /** The check is given up, without an entry. */
  readonly signal: AbortSignal
}

const maxRedirects = 30
const maxRegexBytes = 8_000

// A connection is never used twice: reused ones gave false outages when the server had just closed them.
const httpAgent = new http.Agent({ keepAlive: false })
const httpsAgent = new https.Agent({ keepAlive: false, maxCachedSessions: 0 })

/**
 * Checks one website once. Whatever the website does, the result is an entry: a website that is down, lies, hangs or
 * speaks garbage is data, no exception.
 *
 * @returns the entry; undefined when the signal was aborted before the check had ended
 */
export async function check(website: Website, options: CheckOptions): Promise<CheckEntry | undefined> {
  const visit = new Visit(website, options)
  const outcome = await visit.run()
  if (options.signal.aborted) return undefined
  return {
    id: uuidv7(),
    websiteId: website.id,
    timestamp: visit.startedAt,
    regex: website.regex,
    ...outcome,
  }
}

type Outcome = Pick<CheckEntry, 'responseTimeMs' | 'httpStatus' | 'regexMatch' | 'error' | 'detail'>

/** One check under way: what is known of it so far. */
class Visit {
  readonly startedAt = new Date()
  /** Start of the newest request: each redirect is one of its own. */
  #requestStartMs = performance.now()
  #httpStatus = 0
  #responseTimeMs: number | undefined
  readonly #deadline = new AbortController()

  constructor(
    private readonly website: Website,
    private readonly options: CheckOptions,
  ) {}

  async run(): Promise<Outcome> {
    const { regex } = this.website
    const url = requestable(this.website.url)
    if (url === undefined)
      return this.#failed({ error: 'invalid_url', detail: 'URL: expected http:// or https:// and a host' })
    if (Buffer.byteLength(regex) > maxRegexBytes) {
      return this.#failed({ error: 'regex', detail: `Regex: longer than ${maxRegexBytes} bytes` })
    }
    const timer = setTimeout(() => this.#deadline.abort(), this.options.timeoutMs)
    try {
      const text = await this.#visit(url)
      return await this.#matched(text)
    } catch (error) {
      return this.#failed(
        this.#deadline.signal.aborted ? this.#late() : classify(error, this.#responseTimeMs !== undefined),
      )
    } finally {
      clearTimeout(timer)
    }
  }

  /** Requests the URL, follows its redirects, and reads the page. */
  async #visit(url: URL): Promise<string> {
    const signal = AbortSignal.any([this.#deadline.signal, this.options.signal])
    const response: AxiosResponse<Readable> = await axios.request({
      url: url.href,
      signal,
      httpAgent,
      httpsAgent,
      proxy: false,
      responseType: 'stream',
      validateStatus: null,
      maxRedirects,
      headers: { 'User-Agent': 'webmon/1.0', Accept: '*/*', 'Accept-Encoding': 'gzip, deflate, br' },
      beforeRedirect: (_, { statusCode }) => {
        this.#httpStatus = Number(statusCode)
        this.#requestStartMs = performance.now()
      },
    })
    this.#responseTimeMs = performance.now() - this.#requestStartMs
    this.#httpStatus = response.status
    const cut = () => response.data.destroy(new Error('deadline'))
    signal.addEventListener('abort', cut, { once: true })
    try {
      const body = await readBody(response.data, this.options.maxBodyBytes)
      const contentType = response.headers['content-type']
      return decodeBody(body, contentType === undefined ? undefined : String(contentType))
    } finally {
      signal.removeEventListener('abort', cut)
    }
  }

  async #matched(text: string): Promise<Outcome> {
    try {
      const regexMatch = this.website.regex === '' || (await this.options.search(this.website.regex, text))
      return { ...this.#times(), regexMatch, error: null, detail: null }
    } catch (error) {
      return this.#failed({ error: 'regex', detail: `Regex: ${(error as Error).message}`.slice(0, 300) })
    }
  }

  #failed({ error, detail }: { error: CheckError; detail: string }): Outcome {
    return { ...this.#times(), regexMatch: false, error, detail }
  }

  #late(): Failure {
    const phase = this.#responseTimeMs === undefined ? 'no response' : 'the body was not complete'
    return { error: 'timeout', detail: `Deadline: ${phase} after ${this.options.timeoutMs / 1000} s` }
  }

  #times(): { httpStatus: number; responseTimeMs: number } {
    const responseTimeMs = this.#responseTimeMs ?? performance.now() - this.#requestStartMs
    return { httpStatus: this.#httpStatus, responseTimeMs: Math.round(responseTimeMs) }
  }
}

function requestable(url: string): URL | undefined {
  const parsed = URL.parse?.(url) ?? (URL.canParse(url) ? new URL(url) : undefined)
  return parsed && /^https?:$/.test(parsed.protocol) && parsed.hostname !== '' ? parsed : undefined
}
