import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from '../logger.ts'
import { messageOf } from '../retry.ts'
import type { Service } from '../service.ts'
import type { Spool } from '../spool.ts'
import { DiskStore, FolderInUse } from './diskStore.ts'
import { mayHoldEntries, spoolFolders } from './folders.ts'

/** As fast as this what a producer that is gone left in its folder is taken over. */
const lookEverySeconds = 15
const portion = { entries: 1_000, bytes: 500_000 }
const askEveryMs = 50

/** @returns undefined for a spool in memory, of which nothing can be left */
export function takeLeftovers(spool: Spool, service: Service): Leftovers | undefined {
  if (!spool.durable) return undefined
  const { config, logger, stopping } = service
  const leftovers = new Leftovers(config.producer.spool.path, spool, logger, stopping)
  const take = () => leftovers.take()
  service.every(lookEverySeconds, 'taking over what was left in the spool', take, { atOnce: true })
  return leftovers
}

/**
 * Publishes what producers that are gone left in their folders: it is moved into this producer's spool, a portion
 * whenever that has nearly nothing left, so that it stays where it is while Kafka is away. A portion is written here
 * before it is removed there: whoever is killed in between leaves it twice, with the same ids.
 *
 * A folder stays when it is empty, for the next one who needs a folder: without its lock file two could have it.
 */
class Leftovers {
  #entries = 0

  /** @param stopping aborted: what is not moved yet is left to others */
  constructor(
    private readonly path: string,
    private readonly spool: Spool,
    private readonly logger: Logger,
    private readonly stopping: AbortSignal,
  ) {}

  /** How many entries are still to be moved from the folder that it is at. */
  get entries(): number {
    return this.#entries
  }

  /** Takes what nobody holds. A folder that cannot be used is told of, and does not stop the others. */
  async take(): Promise<void> {
    for (const folder of await spoolFolders(this.path)) {
      // Never one that is open here: a second look at its lock would give it away.
      if (this.stopping.aborted || folder === this.spool.name || !(await mayHoldEntries(folder))) continue
      try {
        await this.#empty(folder)
      } catch (error) {
        if (error instanceof FolderInUse || this.stopping.aborted) continue
        const failure = `what another producer left cannot be published: ${messageOf(error)}`
        this.logger.error({ repeats: failure }, failure)
      }
    }
  }

  async #empty(folder: string): Promise<void> {
    const { store, contents } = await DiskStore.open(folder, this.logger)
    try {
      const { entries } = contents
      this.#entries = entries
      if (entries > 0)
        this.logger.info({ entries }, `${entries} check entries were left in ${folder}: they are published from here`)
      while (await this.#roomForPortion()) {
        const some = await store.read(0, portion)
        if (some.length === 0) {
          await store.compact()
          if (entries > 0) this.logger.info({ entries }, `all that was left in ${folder} is taken over`)
          return
        }
        await Promise.all(some.map(({ key, value }) => this.spool.add(key, value)))
        await store.write(
          [],
          some.map(({ sequence }) => sequence),
        )
        this.#entries -= some.length
      }
    } finally {
      this.#entries = 0
      await store.close()
    }
  }

  /** @returns false: there was none until the stop */
  async #roomForPortion(): Promise<boolean> {
    while (!this.stopping.aborted) {
      if (this.spool.entries < portion.entries) return true
      await sleep(askEveryMs, undefined, { signal: this.stopping }).catch(() => undefined)
    }
    return false
  }
}
