import type { IncomingMessage } from 'node:http'
import { Axios, type AxiosResponse, type InternalAxiosRequestConfig } from 'axios'
import type { Certificate, CheckEntry } from '../checkEntry.ts'
import { messageOf } from '../retry.ts'
import { uuidv7 } from '../uuid.ts'
import { expects, type Website } from '../website.ts'
import { acceptEncoding, readBody } from './body.ts'
import { Cancellation } from './cancellation.ts'
import { Failure } from './failure.ts'
import { hop, type Network } from './hop.ts'
import { Page } from './page.ts'
import { PhaseClock } from './phaseClock.ts'
import { isRedirect, maxRedirects, nextHop, type Target, withUserinfo } from './redirect.ts'
import type { Text } from './regex/literal.ts'
import { RegexError } from './regex/regexError.ts'
import { requestable, shownRegex, withTheirs } from './requestable.ts'

export interface CheckerOptions extends Network {
  /** Milliseconds until a check ends, whatever the website does. */
  readonly timeoutMs: number
  /** How much of a page is read, after decompression. */
  readonly maxBodyBytes: number
  readonly userAgent: string
  /** Of websites without one of their own; for the entries. */
  readonly intervalSeconds?: number | undefined
  /** Whether Python's `re.search` finds the pattern in the text. @throws {RegexError} */
  readonly search: (pattern: string, text: Text) => Promise<boolean>
}

const maxFinalUrl = 2_000
const everyRequest = { 'Accept-Encoding': acceptEncoding, Accept: '*/*' }

/** Is told more than an entry holds, for somebody who looks on. */
export interface CheckObserver {
  /** The headers of a response have come; a redirect is followed by the next one. */
  onResponse(url: URL, httpStatus: number): void
  /** What was read of the page, decompressed. */
  onPage(body: Buffer, contentType: string | undefined): void
}

/** Checks websites. Whatever a website does, the result is an entry; each check is by itself. */
export class Checker {
  readonly #running = new Set<Cancellation>()
  readonly #client: Axios

  constructor(private readonly options: CheckerOptions) {
    // Without any defaults, axios's own or ours: merging them costs each check more than all else that axios does.
    this.#client = new Axios({})
  }

  /**
   * Checks a website once, within its deadline.
   *
   * @param recheck beside its slots
   * @param observer of this one check
   * @returns the entry; undefined when `abort` came before the check had ended
   */
  async check(website: Website, recheck = false, observer?: CheckObserver): Promise<CheckEntry | undefined> {
    const visit = new Visit(website, this.options, recheck, observer)
    this.#running.add(visit.cancellation)
    try {
      return await visit.run(this.#client)
    } finally {
      this.#running.delete(visit.cancellation)
    }
  }

  /** Gives up every running check, without an entry. */
  abort(): void {
    for (const cancellation of this.#running) cancellation.cancel(aborted)
  }
}

const aborted = Symbol('aborted')

/** One check under way, and what is known so far. */
class Visit {
  readonly cancellation = new Cancellation()
  readonly #startedAt = new Date()
  readonly #clock = new PhaseClock()
  readonly #timeoutMs: number
  #httpStatus = 0
  #responseTimeMs: number | undefined
  #redirects = 0
  #finalUrl: string | null = null
  #certificate: Certificate | null = null
  #isSearching = false

  constructor(
    private readonly website: Website,
    private readonly options: CheckerOptions,
    private readonly recheck: boolean,
    private readonly observer: CheckObserver | undefined,
  ) {
    this.#timeoutMs = website.timeout === null ? options.timeoutMs : website.timeout * 1000
  }

  async run(client: Axios): Promise<CheckEntry | undefined> {
    const deadline = setTimeout(() => this.cancellation.cancel(this.#late()), this.#timeoutMs)
    try {
      const { website } = this
      const url = requestable(website)
      const response = await client.request<IncomingMessage>({
        url: url.href,
        adapter: (config) => this.#follow(url, config),
        method: website.method ?? 'GET',
        data: website.body ?? undefined,
        maxRedirects: website.followRedirects === false ? 0 : maxRedirects,
      })
      const body = await readBody(response.data, this.options.maxBodyBytes, this.cancellation)
      this.#clock.stop()
      this.observer?.onPage(body, response.data.headers['content-type'])
      return this.#entry(await this.#matches(body, response), null)
    } catch (error) {
      if (error === aborted) return undefined
      if (!this.#isSearching) this.#clock.stop()
      return this.#entry(false, error instanceof Failure ? error : internal(error))
    } finally {
      clearTimeout(deadline)
    }
  }

  /** Requests, and follows the redirects: the adapter between axios and the connections. */
  async #follow(url: URL, config: InternalAxiosRequestConfig): Promise<AxiosResponse<IncomingMessage>> {
    const ours = { 'User-Agent': this.options.userAgent, ...everyRequest, ...(config.headers.toJSON() as object) }
    const headers = withTheirs(ours, this.website.headers)
    const method = String(config.method).toUpperCase()
    let target: Target = withUserinfo({ url, method, headers, body: config.data as string | undefined })
    for (;;) {
      const response = await this.#hop(target)
      const { statusCode: status = 0, headers: received } = response
      if (!isRedirect(status, received.location) || config.maxRedirects === 0) {
        return { data: response, status, statusText: '', headers: {}, config }
      }
      response.destroy()
      if (this.#redirects === maxRedirects) throw new Failure('redirects', `Redirects: more than ${maxRedirects}`)
      target = withUserinfo(nextHop(target, status, received.location, ours))
      this.#redirects++
      this.#finalUrl = `${target.url.origin}${target.url.pathname}`.slice(0, maxFinalUrl)
      this.#httpStatus = 0
      this.#responseTimeMs = undefined
    }
  }

  async #hop(target: Target): Promise<IncomingMessage> {
    const response = await hop(target, {
      network: this.options,
      verifyCertificate: this.website.verifyCertificate ?? true,
      clock: this.#clock,
      cancellation: this.cancellation,
      onCertificate: (certificate) => {
        if (!this.#certificate || certificate.expires < this.#certificate.expires) this.#certificate = certificate
      },
    })
    this.#responseTimeMs = this.#clock.untilBodyMs
    this.#httpStatus = response.statusCode ?? 0
    this.observer?.onResponse(target.url, this.#httpStatus)
    return response
  }

  async #matches(body: Buffer, response: AxiosResponse<IncomingMessage>): Promise<boolean> {
    const { regex } = this.website
    if (regex === '') return true
    try {
      const page = new Page(body, response.data.headers['content-type'])
      this.#isSearching = true
      return await this.cancellation.race(this.options.search(regex, page))
    } catch (error) {
      throw error instanceof RegexError ? new Failure('regex', `Regex: ${error.message}`) : error
    }
  }

  #late(): Failure {
    const seconds = `${this.#timeoutMs / 1000} s`
    if (this.#isSearching) return new Failure('timeout', `Regex: no result within ${seconds}`)
    const said = {
      dns: `DNS: no answer within ${seconds}`,
      connect: `Connect: no connection within ${seconds}`,
      tls: `TLS: the handshake was not complete after ${seconds}`,
      firstByte: `First byte: no response within ${seconds}`,
      body: `Body: not complete after ${seconds}`,
    }
    return new Failure('timeout', said[this.#clock.phase])
  }

  #entry(regexMatch: boolean, failure: Failure | null): CheckEntry {
    const { website } = this
    const { dns, connect, tls, firstByte, body } = this.#clock.times
    const httpStatus = this.#httpStatus
    return {
      id: uuidv7(),
      websiteId: website.id,
      timestamp: this.#startedAt,
      responseTimeMs: Math.round(this.#responseTimeMs ?? this.#clock.elapsedMs),
      httpStatus,
      regex: shownRegex(website.regex),
      regexMatch,
      error: failure?.code ?? null,
      detail: failure?.message ?? null,
      available: failure === null && regexMatch && expects(website, httpStatus),
      dnsTimeMs: rounded(dns),
      connectTimeMs: rounded(connect),
      tlsTimeMs: rounded(tls),
      firstByteTimeMs: rounded(firstByte),
      bodyTimeMs: rounded(body),
      redirects: this.#redirects || null,
      finalUrl: this.#finalUrl,
      recheck: this.recheck,
      suspectSince: null,
      intervalSeconds: website.interval ?? this.options.intervalSeconds ?? null,
      certificate: this.#certificate,
    }
  }
}

function internal(error: unknown): Failure {
  return new Failure('internal', `webmon failed: ${messageOf(error)}`)
}

function rounded(ms: number | null): number | null {
  return ms === null ? null : Math.round(ms)
}
