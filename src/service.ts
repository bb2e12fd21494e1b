import { setTimeout as sleep } from 'node:timers/promises'
import type { Registry } from 'prom-client'
import { type Config, readConfig } from './config.ts'
import { ConfigError } from './configSource.ts'
import { Health } from './health.ts'
import { createLogger, type Logger } from './logger.ts'
import { FatalError, messageOf } from './retry.ts'
import { type Shown, serveStatus } from './statusServer.ts'

/** A stop may take 8 s: what runs may finish until second 6, then it is aborted; the rest is for saying goodbye. */
const abortAfterMs = 6_000
const exitAfterMs = 7_500
const choreMs = 500

type Release = () => Promise<void> | void

/** The life of a process: what is to be undone at its end, and the two signals that tell of the end. */
export class Service {
  readonly #stop = new AbortController()
  readonly #abort = new AbortController()
  readonly #releasers: { what: string; release: Release }[] = []
  #end: Promise<void> | undefined
  #started = false
  #exitCode = 0

  /** No new work from now on; what runs may finish. */
  readonly stopping = this.#stop.signal
  /** What still runs is given up. */
  readonly aborting = this.#abort.signal
  /** What is wrong with this process, for whoever asks from outside. */
  readonly health = new Health()

  constructor(
    readonly config: Config,
    readonly logger: Logger,
  ) {
    this.health.part('start', () => (this.stopping.aborted ? 'stopping' : this.#started ? undefined : 'starting'))
  }

  /** Registers what undoes something; the last registered is undone first. */
  onStop(what: string, release: Release): void {
    this.#releasers.push({ what, release })
  }

  /** Shows what there is to see of this process on its `http.port`. */
  async serveStatus(name: 'producer' | 'consumer', registry: Registry, page?: Shown['page']): Promise<void> {
    const { config, health } = this
    this.onStop('status', await serveStatus(name, config[name].http, { health, registry, page }))
  }

  started(): void {
    this.#started = true
    this.logger.info('started')
  }

  /**
   * Repeats a chore until the stop. It is told of by a log line when it fails, and tried again at its next turn.
   *
   * @param options.atOnce the first turn is now, and is not waited for
   */
  every(seconds: number, what: string, chore: () => Promise<void>, { atOnce = false } = {}): void {
    let running: Promise<void> | undefined
    const turn = () => {
      running ??= chore()
        .catch((error: unknown) => {
          const failure = `${what} failed: ${messageOf(error)}`
          if (!this.stopping.aborted) this.logger.error({ repeats: failure }, failure)
        })
        .finally(() => {
          running = undefined
        })
    }
    const timer = setInterval(turn, seconds * 1000)
    if (atOnce) turn()
    this.onStop(what, async () => {
      clearInterval(timer)
      // A chore that hangs (a database that does not answer) must not hold up the rest of the stop.
      await Promise.race([running, sleep(choreMs)])
    })
  }

  /** A fault that we cannot mend: one line, an orderly end as far as possible, and exit code 1. */
  fail(error: unknown): void {
    this.logger.fatal(placeOf(error), messageOf(error))
    this.#exitCode = 1
    void this.end()
  }

  /** Ends the process: undoes everything in reverse order, within 8 s. */
  end(): Promise<void> {
    this.#end ??= this.#undoAll()
    return this.#end
  }

  async #undoAll(): Promise<void> {
    this.#stop.abort()
    const abortTimer = setTimeout(() => this.#abort.abort(), abortAfterMs)
    const exitTimer = setTimeout(() => {
      this.logger.warn('not everything could be closed in time; ending all the same')
      process.exit(this.#exitCode)
    }, exitAfterMs)
    for (const { what, release } of this.#releasers.reverse()) {
      try {
        await release()
      } catch (error) {
        this.logger.warn(`closing ${what} failed: ${messageOf(error)}`)
      }
    }
    clearTimeout(abortTimer)
    clearTimeout(exitTimer)
    this.logger.info('stopped')
    process.exit(this.#exitCode)
  }
}

/**
 * Runs one of the two services: reads the configuration (exit code 2 and one line when it is wrong), calls `start`,
 * and ends it on SIGTERM or SIGINT (exit code 0) or on a fault that `start` could not wait out (exit code 1).
 */
export async function runService(name: string, start: (service: Service) => Promise<void>): Promise<void> {
  const service = await makeService(name)
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      service.logger.info({ signal }, 'stopping')
      void service.end()
    })
  }
  // Below run.js, which may be ended in a way that lets it say nothing.
  process.on('disconnect', () => void service.end())
  process.on('uncaughtException', (error) => service.fail(error))
  process.on('unhandledRejection', (error) => service.fail(error))
  try {
    await start(service)
    if (!service.stopping.aborted) service.started()
  } catch (error) {
    if (!service.stopping.aborted) service.fail(error)
  }
}

/** Where a fault of our own happened; one that we foresaw says all that is needed in its message. */
function placeOf(error: unknown): { stack?: string } {
  return error instanceof FatalError || !(error instanceof Error) || !error.stack ? {} : { stack: error.stack }
}

async function makeService(name: string): Promise<Service> {
  try {
    const { config, warnings } = readConfig()
    const logger = await createLogger(name, config.logging.level)
    for (const warning of warnings) logger.warn(warning)
    return new Service(config, logger)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    process.stderr.write(`${error.message}\n`)
    process.exit(2)
  }
}
