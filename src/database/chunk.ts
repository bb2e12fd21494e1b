import pg from 'pg'
import type { CheckEntry } from '../checkEntry.ts'
import type { DeadLetter } from '../deadLetter.ts'
import type { Logger } from '../logger.ts'
import type { Decoded } from '../message.ts'
import { EntryRows } from './checkEntries.ts'
import { isConflict } from './conflict.ts'
import { pipelined, type Statement, transaction, transactionLimits } from './database.ts'
import { insertDeadLetters } from './deadLetters.ts'
import { decide, type Happened, type HappenedOptions, nothingHappened } from './happened.ts'
import { IncidentWebsites } from './incidents.ts'
import { MigrationError } from './migrationError.ts'
import { NewestEntries } from './newestEntries.ts'
import { ensurePartitionFor, isNoPartition, partitionStart } from './partitions.ts'
import { dayMs } from './period.ts'
import { isRefusal, refusedByItself } from './refusals.ts'
import { lockWebsites, type StatusChange, updateWebsites } from './websiteStatus.ts'

export interface Stored extends Happened {
  readonly entries: number
  readonly duplicates: number
  /** The chunk's, and those that PostgreSQL refused. */
  readonly deadLetters: readonly DeadLetter[]
  readonly statusChanges: readonly StatusChange[]
}

export interface StoreOptions extends HappenedOptions {
  readonly signal: AbortSignal
  readonly logger: Pick<Logger, 'info' | 'warn' | 'debug'>
  /** What an entry covers that does not tell the interval of its website, in seconds. */
  readonly intervalSeconds: number
  /** Days of `check_hour` that are kept: older entries are stored, and not counted. 0: all. */
  readonly hourDays: number
  readonly onPartitionsMade?: (count: number) => void
}

/** After so many, a failure that may pass at once is one like any other. */
const attemptsAtOnce = 5

/**
 * Stores what became of some records in one transaction: the entries, each id once; the hours of the rollup; the status
 * of the websites whose newest entry is among them, their incidents, and the alerts about these; the dead letters.
 * Whoever calls it may commit the offsets afterwards.
 *
 * Rows that PostgreSQL refuses become dead letters, too. Deadlocks and the like are tried again at once, and missing
 * partitions are made.
 *
 * @param chunk is gone through again for each attempt
 * @throws what else PostgreSQL answers, with nothing stored
 */
export async function storeChunk(pool: pg.Pool, chunk: Iterable<Decoded>, options: StoreOptions): Promise<Stored> {
  let store = storeNew
  for (let attempt = 1; ; attempt++) {
    try {
      return await store(pool, chunk, options)
    } catch (error) {
      options.signal.throwIfAborted()
      if (attempt >= attemptsAtOnce) throw error
      if (isNoPartition(error)) await makePartitions(pool, chunk, options)
      else if (isDuplicate(error) && store === storeNew) store = storeMissing
      else if (isRefusal(error) && store !== storePartByPart) store = storePartByPart
      else if (!isConflict(error)) throw error
    }
  }
}

type Store = (pool: pg.Pool, chunk: Iterable<Decoded>, options: StoreOptions) => Promise<Stored>

/** The way that every chunk goes; one that holds an entry that is stored already goes it again and passes that over. */
const storeNew: Store = (pool, chunk, options) => storeWhole(pool, chunk, options, false)
const storeMissing: Store = (pool, chunk, options) => storeWhole(pool, chunk, options, true)

async function storeWhole(
  pool: pg.Pool,
  chunk: Iterable<Decoded>,
  options: StoreOptions,
  mayBeThere: boolean,
): Promise<Stored> {
  const deadLetters: DeadLetter[] = []
  const rows = new EntryParts(options)
  const newest = new NewestEntries()
  const incidents = new IncidentWebsites(newest)
  for (const one of chunk) {
    if ('entry' in one) {
      rows.add(one.entry)
      newest.add(one.entry)
      incidents.add(one.entry)
    } else deadLetters.push(one)
  }
  const inserts = rows.inserts(mayBeThere)
  return pipelined(pool, options.signal, async (send) => {
    if (deadLetters.length > 0) void send(insertDeadLetters(deadLetters))
    if (inserts.length === 0)
      return async () => ({ entries: 0, duplicates: 0, deadLetters, statusChanges: [], ...nothingHappened })
    const locked = send(lockWebsites(newest))
    const asked = send(incidents.toDecide())
    const inserted = inserts.map(send)
    const changed = (await locked).rows
    const updated = changed.length > 0 ? send(updateWebsites(newest, changed)) : undefined
    const toDecide = (await asked).rows
    const happened = await decide(send, incidents, toDecide, options)
    return async () => {
      const entries = (await Promise.all(inserted)).reduce((sum, result) => sum + result.rows[0].inserted, 0)
      const statusChanges = updated ? changesIn(await updated) : []
      return { entries, duplicates: rows.length - entries, deadLetters, statusChanges, ...happened }
    }
  })
}

/** Finds the rows that PostgreSQL refuses by halving, and stores the others, still in one transaction. */
function storePartByPart(pool: pg.Pool, chunk: Iterable<Decoded>, options: StoreOptions): Promise<Stored> {
  const all = [...chunk]
  const entries = all.filter((one) => 'entry' in one).sort((a, b) => byKey(a.entry, b.entry))
  const deadLetters = all.filter((one) => 'reason' in one)
  return transaction(pool, options.signal, async (client) => {
    const run = ({ text, values }: Statement) => client.query(text, values)
    const newest = new NewestEntries()
    const incidents = new IncidentWebsites(newest, true)
    let [stored, inserted] = [0, 0]
    const store = async (part: typeof entries): Promise<void> => {
      const rows = new EntryParts(options)
      for (const { entry } of part) rows.add(entry)
      await client.query('SAVEPOINT part')
      try {
        let rowsOfPart = 0
        for (const insert of rows.inserts(true)) rowsOfPart += (await run(insert)).rows[0].inserted
        await run(lockWebsites(newestOf(part)))
        await client.query('RELEASE SAVEPOINT part')
        inserted += rowsOfPart
        stored += part.length
        for (const { entry } of part) {
          newest.add(entry)
          incidents.add(entry)
        }
      } catch (error) {
        if (!isRefusal(error)) throw error
        await client.query('ROLLBACK TO SAVEPOINT part; RELEASE SAVEPOINT part')
        const [first, second] = part
        if (first !== undefined && second === undefined) {
          const { record, entry } = first
          // Its issuer is whatever the website says, which a database that is not UTF-8 may refuse.
          if (entry.certificate !== null) return store([{ record, entry: { ...entry, certificate: null } }])
          const reason = await refusedByItself(client, entry, rows.insertAlone(), error)
          if (reason === undefined) stored++
          else deadLetters.push({ record, kind: 'refused', reason })
          return
        }
        const half = part.length >> 1
        await store(part.slice(0, half))
        await store(part.slice(half))
      }
    }
    await client.query(transactionLimits)
    await run(lockWebsites(newestOf(entries.map(({ entry }) => ({ entry: { ...entry, certificate: null } })))))
    await store(entries)
    const { rows: changed } = await run(lockWebsites(newest))
    const statusChanges = changed.length > 0 ? changesIn(await run(updateWebsites(newest, changed))) : []
    const { rows: toDecide } = await run(incidents.toDecide())
    const happened = await decide(run, incidents, toDecide, options)
    if (deadLetters.length > 0) await run(insertDeadLetters(deadLetters))
    return { entries: inserted, duplicates: stored - inserted, deadLetters, statusChanges, ...happened }
  })
}

function newestOf(part: readonly { entry: CheckEntry }[]): NewestEntries {
  const newest = new NewestEntries()
  for (const { entry } of part) newest.add(entry)
  return newest
}

/** The rows of entries, in as many parts as it takes for each website to have one interval in each. */
class EntryParts {
  readonly #parts: EntryRows[] = []

  constructor(private readonly options: StoreOptions) {}

  get length(): number {
    return this.#parts.reduce((sum, { length }) => sum + length, 0)
  }

  add(entry: CheckEntry): void {
    const interval = entry.intervalSeconds ?? this.options.intervalSeconds
    for (let n = 0; n < this.#parts.length; n++) if (this.#parts[n]?.add(entry, interval)) return
    const part = new EntryRows()
    part.add(entry, interval)
    this.#parts.push(part)
  }

  inserts(mayBeThere: boolean): Statement[] {
    const { hourDays } = this.options
    const oldest = new Date(Date.now() - hourDays * dayMs)
    const from = hourDays === 0 ? Number.NEGATIVE_INFINITY : partitionStart('check_hour', oldest)
    return this.#parts.map((part) => part.insert(from, mayBeThere))
  }

  /** Of one entry. */
  insertAlone(): Statement {
    return (this.#parts[0] as EntryRows).insertAlone()
  }
}

function byKey(one: CheckEntry, other: CheckEntry): number {
  if (one.websiteId !== other.websiteId) return one.websiteId < other.websiteId ? -1 : 1
  return one.timestamp.getTime() - other.timestamp.getTime() || (one.id < other.id ? -1 : 1)
}

function changesIn({ rows }: pg.QueryResult): StatusChange[] {
  return (rows as StatusChange[]).filter(({ from, to }) => from !== to)
}

async function makePartitions(
  pool: pg.Pool,
  chunk: Iterable<Decoded>,
  { logger, signal, onPartitionsMade }: StoreOptions,
): Promise<void> {
  const times = [...chunk].flatMap((one) => ('entry' in one ? [one.entry.timestamp] : []))
  const onePerDay = new Map(times.map((time) => [Math.floor(time.getTime() / dayMs), time]))
  try {
    await ensurePartitionFor(pool, [...onePerDay.values()], { logger, signal, onPartitionsMade })
  } catch (error) {
    // Who may make it can do so at any time: that is waited for, as for everything else that a database lacks.
    throw error instanceof MigrationError ? new Error(error.message, { cause: error }) : error
  }
}

/** The key of an entry is there already, or twice in the chunk. */
function isDuplicate(error: unknown): boolean {
  return error instanceof pg.DatabaseError && error.code === '23505'
}
