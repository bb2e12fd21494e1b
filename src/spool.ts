import { setTimeout as sleep } from 'node:timers/promises'
import type { SpoolConfig } from './config.ts'
import { sizeText } from './configValue.ts'
import type { Logger } from './logger.ts'
import { FatalError, messageOf } from './retry.ts'
import { openOwnFolder } from './spool/folders.ts'
import { FreshEntries } from './spool/freshEntries.ts'
import { GroupCommit } from './spool/groupCommit.ts'
import { MemoryStore } from './spool/memoryStore.ts'
import { fullShare } from './spool/room.ts'
import type { Contents, Portion, SpoolEntry, Store } from './spool/store.ts'

const retryAfterMs = 1_000
const lookEveryMs = 1_000

/** New checks that have stopped at the limit go on below this share of it. */
const roomShare = 0.9

/** More than this in memory could end the process, and it would all be lost. */
const mostInMemory = 100_000_000

/** Called when new checks have to wait, with the reason, and without one when they may go on. */
export type BlockedListener = (reason: string | undefined) => void

/**
 * Holds the check entries that Kafka has not acknowledged yet. An entry is safe once `add` has returned; then it is
 * taken, in order, and it stays until it is removed. Memory stays the same however many there are.
 */
export class Spool {
  #entries: number
  #bytes: number
  readonly #commit: GroupCommit
  /** The sequence number of the newest entry that was taken. */
  #lastTaken = 0
  readonly #fresh: FreshEntries
  #finishing = false
  #wake: () => void = () => undefined

  /** What makes new checks wait, beside a write that fails: the limit, or little room on the disk. */
  #full = false
  #shortage: string | undefined
  #blockedBy: 'failure' | 'limit' | 'shortage' | undefined
  #onBlocked: BlockedListener = () => undefined
  readonly #lookTimer: NodeJS.Timeout

  /**
   * @param aborting aborted: entries that cannot be written are given up
   * @throws {FatalError} when the folder cannot be used, with what to do
   */
  static async open(config: SpoolConfig, logger: Logger, aborting: AbortSignal): Promise<Spool> {
    const { path, limitBytes } = config
    if (path === '') {
      logger.warn(
        'producer.spool.path is empty: check entries are kept in memory alone; those that Kafka has not acknowledged are lost when this process ends',
      )
      const nothing = { lastSequence: 0, entries: 0, bytes: 0 }
      return new Spool(new MemoryStore(), nothing, Math.min(limitBytes, mostInMemory), logger, aborting)
    }
    const { store, contents } = await openOwnFolder(path, logger)
    if (contents.entries > 0) {
      const { entries, bytes } = contents
      logger.info({ entries, bytes }, `the spool ${store.name} holds ${entries} check entries, to be published first`)
    }
    const spool = new Spool(store, contents, limitBytes, logger, aborting)
    await spool.#look()
    return spool
  }

  private constructor(
    private readonly store: Store,
    contents: Contents,
    private readonly limitBytes: number,
    private readonly logger: Logger,
    aborting: AbortSignal,
  ) {
    this.#commit = new GroupCommit(store, {
      lastSequence: contents.lastSequence,
      aborting,
      onWritten: (entries) => this.#written(entries),
      onFailure: () => this.#tell(),
    })
    this.#entries = contents.entries
    this.#bytes = contents.bytes
    this.#fresh = new FreshEntries(contents.entries === 0)
    this.#lookTimer = setInterval(() => void this.#look(), lookEveryMs)
  }

  /** Where the entries are: a folder, or memory. */
  get name(): string {
    return this.store.name
  }

  /** Whether the entries outlive this process. */
  get durable(): boolean {
    return this.store.durable
  }

  /** How many entries are safe and not removed. */
  get entries(): number {
    return this.#entries
  }

  /** What they take of the limit. */
  get bytes(): number {
    return this.#bytes
  }

  onBlocked(listener: BlockedListener): void {
    this.#onBlocked = listener
    if (this.#blockedBy) listener(this.#reason())
  }

  /**
   * Takes an entry in. When it has returned, the entry is synced to the disk, together with all others of the last few
   * milliseconds. It takes as long as it takes, because nothing is ever dropped.
   *
   * @param urgent somebody waits for it: no longer than the disk takes
   * @throws when the process ends before the entry could be written
   */
  add(key: string, value: string, urgent = false): Promise<void> {
    return this.#commit.add(key, value, urgent)
  }

  /**
   * The next entries, in order, each of them once. Waits for the first, and then up to `waitMs` for a full portion.
   *
   * @returns none only after `finish`: there are no more
   * @throws {FatalError} when the store is damaged
   */
  async take(portion: Portion, waitMs: number): Promise<SpoolEntry[]> {
    for (;;) {
      await this.#until(() => !this.#fresh.complete || this.#fresh.entries > 0)
      if (this.#fresh.complete && this.#fresh.entries === 0) return []
      await this.#until(() => !this.#fresh.complete || this.#fresh.fills(portion), waitMs)
      const taken = this.#fresh.complete ? this.#fresh.take(portion) : await this.#takeStored(portion)
      this.#lastTaken = taken.at(-1)?.sequence ?? this.#lastTaken
      if (taken.length > 0) return taken
    }
  }

  /** From now on `take` gives out what is there, without waiting for more. */
  finish(): void {
    this.#finishing = true
    this.#wake()
  }

  /** Lets entries go that somebody else has safe. */
  remove(entries: readonly SpoolEntry[]): void {
    for (const { bytes } of entries) this.#bytes -= bytes
    this.#entries -= entries.length
    this.#tell()
    this.#commit.remove(entries)
  }

  async close(): Promise<void> {
    clearInterval(this.#lookTimer)
    await this.#commit.close()
    await this.store.close()
  }

  #written(entries: readonly SpoolEntry[]): void {
    this.#entries += entries.length
    for (const { bytes } of entries) this.#bytes += bytes
    this.#fresh.push(entries, this.#lastTaken)
    this.#wake()
    this.#tell()
  }

  /** What is written while the store is read counts as fresh again, if this reads up to where that begins. */
  async #takeStored(portion: Portion): Promise<SpoolEntry[]> {
    const end = this.#commit.lastSequence
    this.#fresh.begin()
    let taken: SpoolEntry[]
    try {
      taken = await this.store.read(this.#lastTaken, portion)
    } catch (error) {
      this.#fresh.giveUp()
      if (error instanceof FatalError) throw error
      const failure = `reading the spool ${this.store.name} failed: ${messageOf(error)}`
      this.logger.warn({ repeats: failure }, `${failure}; trying again in 1 s`)
      await sleep(retryAfterMs)
      return []
    }
    // At once: the next entries to be written may be among these already.
    this.#lastTaken = taken.at(-1)?.sequence ?? this.#lastTaken
    if (taken.length > 0 && this.#lastTaken < end) this.#fresh.giveUp()
    else this.#fresh.drop(this.#lastTaken)
    return taken
  }

  /** Waits for something that entries bring about, for so long at most. After `finish` there is nothing to wait for. */
  #until(met: () => boolean, withinMs?: number): Promise<void> {
    return new Promise((resolve) => {
      let timer: NodeJS.Timeout | undefined
      const end = () => {
        clearTimeout(timer)
        this.#wake = () => undefined
        resolve()
      }
      this.#wake = () => {
        if (this.#finishing || met()) end()
      }
      if (withinMs !== undefined) timer = setTimeout(end, withinMs)
      this.#wake()
    })
  }

  async #look(): Promise<void> {
    this.#shortage = await this.store.shortage().catch(messageOf)
    this.#tell()
  }

  #tell(): void {
    this.#full = this.#bytes >= this.limitBytes * (this.#full ? roomShare : fullShare)
    const blockedBy = this.#commit.failure ? 'failure' : this.#full ? 'limit' : this.#shortage ? 'shortage' : undefined
    if (blockedBy === this.#blockedBy) return
    this.#blockedBy = blockedBy
    this.#onBlocked(this.#reason())
  }

  #reason(): string | undefined {
    const spool = `the spool (${this.store.name})`
    switch (this.#blockedBy) {
      case 'failure':
        return `${spool} cannot be written: ${this.#commit.failure}`
      case 'limit':
        return `${spool} is full: Kafka has not acknowledged ${sizeText(this.#bytes)}, and the limit is ${sizeText(this.limitBytes)}`
      case 'shortage':
        return `${spool} is short of room: ${this.#shortage}`
      case undefined:
        return undefined
    }
  }
}
