import { setTimeout as sleep } from 'node:timers/promises'
import pLimit from 'p-limit'
import type pg from 'pg'
import type { Alert } from './alerts/body.ts'
import { deliver, isForPeople } from './alerts/deliver.ts'
import { DeliveryError } from './alerts/deliveryError.ts'
import type { Receiver } from './alerts/receiver.ts'
import { lookForAlerts } from './database/alerts/looks.ts'
import { type ClaimedAlert, claimAlerts, markFailed, markSent } from './database/alerts.ts'
import type { ConsumerMetrics } from './metrics/consumerMetrics.ts'
import { messageOf, retry } from './retry.ts'
import type { Service } from './service.ts'

/** Without a hint that there are alerts: they may be another consumer's, or due again. */
const pollMs = 5_000
const lookSeconds = 60
/** At a time for each receiver. All of a claim must be done within its lease. */
const concurrency = 8
/** Where people read, so many are claimed, and more than these few become one message. */
const digestClaim = 1_000
const fewEnough = 10
/** Twice as long after each attempt, from the first to the second number, in seconds. */
const backoff = { failed: [5, 600], refused: [60, 3_600] } as const

/** Sends what the outbox holds, each receiver by itself, so that a slow one holds nobody up; and looks for what to say. */
export class Alerting {
  readonly #startMs = performance.now()
  readonly #wakers = new Set<() => void>()
  #turns: Promise<unknown> = Promise.resolve()

  constructor(
    private readonly database: pg.Pool,
    private readonly service: Service,
    private readonly metrics: ConsumerMetrics,
  ) {}

  /** Returns at once. */
  start(): void {
    const { config, stopping } = this.service
    if (stopping.aborted) return
    const { receivers } = config.alerts
    for (const { name } of receivers) this.metrics.knowReceiver(name)
    const everySeconds = Math.min(lookSeconds, config.monitoring.intervalSeconds)
    this.service.every(everySeconds, 'looking for alerts', () => this.#look(), { atOnce: true })
    this.#turns = Promise.all(receivers.map((receiver) => this.#sendAll(receiver)))
    this.service.onStop('alerts', async () => {
      this.wake()
      await this.#turns
    })
  }

  /** There are alerts. */
  wake(): void {
    for (const wake of this.#wakers) wake()
  }

  async #look(): Promise<void> {
    const { config, stopping: signal } = this.service
    const { intervalSeconds } = config.monitoring
    const hasWaited = performance.now() - this.#startMs > 3 * intervalSeconds * 1_000
    const written = await lookForAlerts(this.database, {
      receivers: config.alerts.receivers,
      intervalSeconds: hasWaited ? intervalSeconds : undefined,
      signal,
    })
    if (written > 0) this.wake()
  }

  async #sendAll(receiver: Receiver): Promise<void> {
    const { stopping, logger } = this.service
    let woken = false
    let wakeUp = () => {}
    this.#wakers.add(() => {
      woken = true
      wakeUp()
    })
    const options = { signal: stopping, logger }
    while (!stopping.aborted) {
      woken = false
      const claimed = await retry(`claiming alerts for ${receiver.name}`, () => this.#claim(receiver), options).catch(
        () => [],
      )
      await this.#send(receiver, claimed)
      // What was sent may have held something back.
      if (claimed.length > 0 || woken || stopping.aborted) continue
      const pause = new AbortController()
      wakeUp = () => pause.abort()
      await sleep(pollMs, undefined, { signal: pause.signal }).catch(() => undefined)
    }
  }

  #claim(receiver: Receiver): Promise<ClaimedAlert[]> {
    return claimAlerts(this.database, receiver.name, isForPeople(receiver) ? digestClaim : concurrency)
  }

  async #send(receiver: Receiver, claimed: readonly ClaimedAlert[]): Promise<void> {
    const limit = pLimit(concurrency)
    const messages = claimed.length > fewEnough && isForPeople(receiver) ? [claimed] : claimed.map((one) => [one])
    await Promise.all(
      messages.map((alerts) => limit(() => this.#sendOne(receiver, alerts as [ClaimedAlert, ...ClaimedAlert[]]))),
    )
  }

  /** What is cut off by the end of the process is due again when its lease is over. */
  async #sendOne(receiver: Receiver, alerts: readonly [ClaimedAlert, ...ClaimedAlert[]]): Promise<void> {
    const { config, logger, aborting } = this.service
    const { name } = receiver
    const ids = alerts.map(({ id }) => id)
    try {
      const answer = await deliver(receiver, config.alerts.smtp, alerts, aborting)
      this.metrics.alertsSent.inc({ receiver: name }, alerts.length)
      logger.debug({ receiver: name, alerts: ids.length }, `${describe(alerts)} sent to ${name}: ${answer}`)
      await this.#mark(() => markSent(this.database, ids))
    } catch (error) {
      if (aborting.aborted) return
      this.metrics.alertFailures.inc({ receiver: name })
      const failure = messageOf(error)
      const againSeconds = againAfter(error, Math.min(...alerts.map(({ attempts }) => attempts)))
      const fields = { receiver: name, repeats: `alert to ${name}: ${failure}` }
      logger.warn(fields, `${describe(alerts)} to ${name} failed: ${failure}; trying again in ${againSeconds} s`)
      await this.#mark(async () => {
        const givenUp = await markFailed(this.database, ids, failure, againSeconds)
        if (givenUp > 0) logger.error({ receiver: name }, `${givenUp} alerts to ${name} are given up: ${failure}`)
      })
    }
  }

  /** For as long as it takes: unmarked, it would be sent once more. */
  async #mark(work: () => Promise<void>): Promise<void> {
    const { logger, aborting } = this.service
    await retry('marking alerts', work, { signal: aborting, logger }).catch(() => undefined)
  }
}

function againAfter(error: unknown, attempts: number): number {
  const isDelivery = error instanceof DeliveryError
  const [first, most] = isDelivery && error.refused ? backoff.refused : backoff.failed
  const asked = isDelivery ? Math.min(error.afterSeconds, backoff.refused[1]) : 0
  return Math.max(asked, Math.min(most, first * 2 ** Math.min(attempts - 1, 20)))
}

function describe([{ kind }, ...others]: readonly [Alert, ...Alert[]]): string {
  return others.length === 0 ? `an alert (${kind})` : `${others.length + 1} alerts`
}
