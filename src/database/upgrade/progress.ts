import type pg from 'pg'
import type { Logger } from '../../logger.ts'

const intervalMs = 10_000

/**
 * Says every ten seconds, from a second connection, how far a long upgrade has come, and has it cancelled at a stop.
 * PostgreSQL counts only the building of an index; of the other steps a line says for how long they have been running.
 */
export class UpgradeProgress {
  #step = 'starting'
  #since = Date.now()
  #asking = false
  readonly #timer: NodeJS.Timeout

  /** @param client does the work */
  static async start(
    pool: pg.Pool,
    client: pg.PoolClient,
    logger: Pick<Logger, 'info' | 'debug'>,
    signal: AbortSignal,
  ): Promise<UpgradeProgress> {
    const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')
    return new UpgradeProgress(pool, (rows[0] as { pid: number }).pid, logger, signal)
  }

  private constructor(
    private readonly pool: pg.Pool,
    private readonly pid: number,
    private readonly logger: Pick<Logger, 'info' | 'debug'>,
    private readonly signal: AbortSignal,
  ) {
    this.#timer = setInterval(() => void this.#tell(), intervalMs)
    signal.addEventListener('abort', this.#cancel)
  }

  step(name: string): void {
    this.#step = name
    this.#since = Date.now()
    this.logger.debug(`upgrading check_entry: ${name}`)
  }

  stop(): void {
    clearInterval(this.#timer)
    this.signal.removeEventListener('abort', this.#cancel)
  }

  /** A server does not notice that its client has gone until it has built the index, and holds the locks till then. */
  readonly #cancel = (): void => {
    this.pool.query('SELECT pg_cancel_backend($1)', [this.pid]).catch((error: unknown) => {
      this.logger.debug({ err: error }, 'the upgrade could not be cancelled')
    })
  }

  async #tell(): Promise<void> {
    // A pool of one connection answers only after the upgrade.
    if (this.#asking) return
    this.#asking = true
    const [step, seconds] = [this.#step, Math.round((Date.now() - this.#since) / 1000)]
    try {
      const { rows } = await this.pool.query<{ phase: string; percent: number | null }>(
        `SELECT replace(phase, 'building index: ', '') AS phase,
                CASE WHEN phase LIKE '%loading%' THEN 100 * tuples_done / nullif(tuples_total, 0)
                     ELSE 100 * blocks_done / nullif(blocks_total, 0) END::integer AS percent
           FROM pg_stat_progress_create_index WHERE pid = $1`,
        [this.pid],
      )
      if (step !== this.#step) return
      const { phase, percent } = rows[0] ?? { phase: null, percent: null }
      const detail = phase === null ? '' : percent === null ? ` (${phase})` : ` (${phase}, ${percent} %)`
      this.logger.info({ step, phase, percent, seconds }, `upgrading check_entry: ${step}${detail}, ${seconds} s`)
    } catch (error) {
      this.logger.debug({ err: error }, 'the progress of the upgrade could not be read')
    } finally {
      this.#asking = false
    }
  }
}
