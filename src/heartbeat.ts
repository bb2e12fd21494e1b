import type { Logger } from './logger.ts'
import { messageOf } from './retry.ts'
import type { Service } from './service.ts'

const minuteMs = 60_000

export interface HeartbeatOptions {
  /** A secret but for its host. */
  readonly url: string
  /** So long after the last entry it goes on. */
  readonly flowMs: number
  readonly everyMs?: number
  readonly logger: Pick<Logger, 'warn'>
}

/** @returns undefined: `alerts.heartbeat` names no URL */
export function openHeartbeat(service: Service): Heartbeat | undefined {
  const { config, logger } = service
  const { heartbeat: url } = config.alerts
  if (url === null) return undefined
  // Two intervals: one entry may come late.
  const flowMs = Math.max(minuteMs, 2_000 * config.monitoring.intervalSeconds)
  const heartbeat = new Heartbeat({ url, flowMs, logger })
  service.onStop('heartbeat', () => heartbeat.stop())
  return heartbeat
}

/** Calls a URL each minute while entries flow: who hears nothing any more knows that webmon, or the way to it, is gone. */
export class Heartbeat {
  readonly #everyMs: number
  #timer: NodeJS.Timeout | undefined
  #storedMs = Number.NEGATIVE_INFINITY
  #beating: Promise<void> | undefined

  constructor(private readonly options: HeartbeatOptions) {
    this.#everyMs = options.everyMs ?? minuteMs
  }

  /** Entries were stored. The first beat is at once. */
  stored(): void {
    this.#storedMs = performance.now()
    if (this.#timer) return
    this.#timer = setInterval(() => this.#turn(), this.#everyMs)
    this.#turn()
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  #turn(): void {
    if (performance.now() - this.#storedMs > this.options.flowMs) return
    this.#beating ??= this.#beat().finally(() => {
      this.#beating = undefined
    })
  }

  async #beat(): Promise<void> {
    const { url, logger } = this.options
    // Read when it is needed: it takes 15 MB.
    const { default: axios } = await import('axios')
    try {
      const signal = AbortSignal.timeout(10_000)
      await axios.get(url, { signal, maxRedirects: 0, proxy: false, maxContentLength: 1_000_000 })
    } catch (error) {
      const status = axios.isAxiosError(error) ? error.response?.status : undefined
      const late = axios.isCancel(error) ? 'no answer within 10 s' : undefined
      const failure = `the heartbeat to ${new URL(url).host} failed: ${late ?? (status ? `status ${status}` : messageOf(error))}`
      logger.warn({ repeats: failure }, failure)
    }
  }
}
