import fc from 'fast-check'
import type { Stored } from '../../src/database/chunk.ts'
import { DecodeError } from '../../src/message/fields.ts'
import { type Decoded, decode } from '../../src/message.ts'
import type { TopicRecord } from '../../src/topicRecord.ts'
import { costly, mutatedRecord, nowMs } from './mutations.ts'

export interface FuzzOptions {
  readonly runs: number
  readonly seed: number
  /** Of the accepted entries, and of the dead letters, as many are stored for real. */
  readonly stored: number
  readonly store: (chunk: readonly Decoded[]) => Promise<Stored>
  readonly progress?: (line: string) => void
}

export interface FuzzReport {
  readonly runs: number
  readonly entries: number
  /** How often each reason was given, without what it quotes. */
  readonly reasons: Readonly<Record<string, number>>
  readonly slowestMs: number
  readonly slowestCostlyMs: number
  readonly stored: number
  /** What PostgreSQL did not take, although it was read: it must be nothing. */
  readonly refused: readonly string[]
}

const chunkLength = 1_000

/**
 * Reads mutated messages: each is an entry or a dead letter, and PostgreSQL takes either.
 *
 * @throws with the smallest message that makes anything else of it
 */
export async function fuzz({ runs, seed, stored, store, progress }: FuzzOptions): Promise<FuzzReport> {
  const reasons: Record<string, number> = {}
  const [entries, deadLetters]: [Decoded[], Decoded[]] = [[], []]
  const counts = { runs: 0, entries: 0 }
  let slowestMs = 0
  fc.assert(
    fc.property(mutatedRecord, (record) => {
      const startMs = performance.now()
      const one = read(record)
      slowestMs = Math.max(slowestMs, performance.now() - startMs)
      counts.runs++
      if (counts.runs % 100_000 === 0) progress?.(`${counts.runs} messages, ${counts.entries} entries`)
      const kept = 'entry' in one ? entries : deadLetters
      if ('entry' in one) counts.entries++
      else {
        const reason = one.reason.replace(/(neither JSON nor YAML): .*/s, '$1')
        reasons[reason] = (reasons[reason] ?? 0) + 1
      }
      // Evenly over the whole run.
      const number = 'entry' in one ? counts.entries : counts.runs - counts.entries
      if (kept.length < stored && number % Math.max(1, Math.floor(runs / stored / 4)) === 0) kept.push(one)
    }),
    { numRuns: runs, seed },
  )
  let slowestCostlyMs = 0
  for (const value of costly) {
    const startMs = performance.now()
    read({ topic: 'webmon', partition: 0, offset: 0n, timestampMs: nowMs, key: null, value })
    slowestCostlyMs = Math.max(slowestCostlyMs, performance.now() - startMs)
  }
  const all = [...entries, ...deadLetters]
  const refused: string[] = []
  for (let from = 0; from < all.length; from += chunkLength) {
    const chunk = all.slice(from, from + chunkLength)
    const readable = new Set(chunk.filter((one) => 'entry' in one).map(({ record }) => record))
    for (const { record, reason } of (await store(chunk)).deadLetters)
      if (readable.has(record)) refused.push(`${reason}: ${record.value}`)
  }
  return { ...counts, reasons, slowestMs, slowestCostlyMs, stored: all.length, refused }
}

function read(record: TopicRecord): Decoded {
  try {
    return { record, entry: decode(record, nowMs) }
  } catch (error) {
    if (error instanceof DecodeError) return { record, kind: error.kind, reason: error.message }
    throw error
  }
}
