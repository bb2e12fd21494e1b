import type { JavaScriptPattern } from './emit.ts'
import { containsLiteral, type Text } from './literal.ts'
import { MatchThread, type Search } from './matchThread.ts'
import { RegexError } from './regexError.ts'
import { type Translation, Translator } from './translate.ts'

export { RegexError }

export interface RegexSearchOptions {
  /** How long a pattern may match, in milliseconds. */
  readonly timeoutMs?: number
  /** Worker threads, each started at the first need. */
  readonly workers?: 1 | 2
  /** How long a search may wait for a thread before it is given up, in milliseconds. */
  readonly maxWaitMs?: number
}

/** How long the translations that are kept may be in all: those of 10,000 patterns of 100 characters. */
const mostKeptLength = 4_000_000

/** Patterns remembered for having failed in a thread. */
const mostTroublesome = 1_000

/**
 * Searches pages as Python's `re.search` does, without ever stopping the event loop: a literal is looked up at once, any
 * other pattern runs in a worker thread that is killed when it takes too long.
 *
 * There are two queues: a pattern that was too slow or too large the last time runs in the first thread only. However
 * many of these there are, the second thread is there for all others.
 */
export class RegexSearch {
  readonly #translator = new Translator()
  readonly #translations = new Map<string, Translation>()
  #keptLength = 0
  readonly #troublesome = new Set<string>()
  readonly #troublesomeQueue: Search[] = []
  readonly #queue: Search[] = []
  readonly #threads: readonly MatchThread[]
  readonly #maxWaitMs: number
  #isClosed = false

  constructor({ timeoutMs = 250, workers = 2, maxWaitMs = 10_000 }: RegexSearchOptions = {}) {
    this.#maxWaitMs = maxWaitMs
    this.#threads = Array.from({ length: workers }, () => new MatchThread(timeoutMs, () => this.#dispatch()))
  }

  /**
   * Whether the pattern occurs in the text.
   * @throws RegexError the pattern is refused, or was too slow or too large for this text, or for others before it
   * @throws Error the search was closed, or its threads do not work
   */
  async search(pattern: string, text: Text): Promise<boolean> {
    const translation = this.#translate(pattern)
    if ('literal' in translation) return containsLiteral(text, translation.literal)
    if (this.#isClosed) throw closed()
    try {
      const found = await this.#runInThread(pattern, translation, text.toString())
      this.#troublesome.delete(pattern)
      return found
    } catch (error) {
      if (error instanceof RegexError && !(error instanceof NoThreadError))
        keep(this.#troublesome, pattern, mostTroublesome)
      throw error
    }
  }

  /** Ends the threads. What still runs or waits fails. */
  async close(): Promise<void> {
    this.#isClosed = true
    for (const search of [...this.#queue.splice(0), ...this.#troublesomeQueue.splice(0)]) {
      search.stopWaiting?.()
      search.reject(closed())
    }
    await Promise.all(this.#threads.map((thread) => thread.close()))
  }

  #translate(pattern: string): Translation {
    const known = this.#translations.get(pattern)
    if (known) return known
    const translation = this.#translator.translate(pattern)
    const length = pattern.length + ('literal' in translation ? translation.literal : translation.source).length
    if (this.#keptLength + length > mostKeptLength) {
      this.#translations.clear()
      this.#keptLength = 0
    }
    this.#keptLength += length
    this.#translations.set(pattern, translation)
    return translation
  }

  #runInThread(pattern: string, translation: JavaScriptPattern, text: string): Promise<boolean> {
    const queue = this.#troublesome.has(pattern) ? this.#troublesomeQueue : this.#queue
    return new Promise((resolve, reject) => {
      const search: Search = { pattern: translation, text, resolve, reject }
      queue.push(search)
      this.#dispatch()
      if (!queue.includes(search)) return
      const timer = setTimeout(() => {
        queue.splice(queue.indexOf(search), 1)
        reject(new NoThreadError(`waited ${this.#maxWaitMs} ms for a thread: too many patterns that are slow`))
      }, this.#maxWaitMs)
      search.stopWaiting = () => clearTimeout(timer)
    })
  }

  #dispatch(): void {
    for (const [index, thread] of this.#threads.entries()) {
      if (!thread.isFree) continue
      const search = this.#next(index)
      if (!search) continue
      search.stopWaiting?.()
      thread.run(search)
    }
  }

  #next(thread: number): Search | undefined {
    if (this.#threads.length === 1) return this.#queue.shift() ?? this.#troublesomeQueue.shift()
    return thread === 0 ? (this.#troublesomeQueue.shift() ?? this.#queue.shift()) : this.#queue.shift()
  }
}

/** Says nothing against the pattern itself. */
class NoThreadError extends RegexError {}

function closed(): Error {
  return new Error('the regex search was closed')
}

/** Adds to a set as its newest; the oldest goes when there are more than `most`. */
function keep(set: Set<string>, value: string, most: number): void {
  set.delete(value)
  set.add(value)
  const [oldest] = set
  if (set.size > most && oldest !== undefined) set.delete(oldest)
}
