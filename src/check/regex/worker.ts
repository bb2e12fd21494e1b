import { parentPort } from 'node:worker_threads'
import type { JavaScriptPattern } from './emit.ts'
import { compile, findMatch } from './match.ts'

/** One search for a worker thread. It answers in the order of the questions, first of all with `ready`. */
export interface Question extends JavaScriptPattern {
  readonly text: string
}

export type Answer = 'ready' | { readonly found: boolean } | { readonly error: string }

/** Compiled patterns that are kept, and how long their sources may be in all (V8's code is several times that). */
const mostPatterns = 500
const mostSourceLength = 500_000

/** Compiled patterns, the one that was used last at the end. */
class PatternCache {
  readonly #patterns = new Map<string, RegExp>()
  #sourceLength = 0

  get(pattern: JavaScriptPattern): RegExp {
    const key = `${pattern.flags}/${pattern.source}`
    const known = this.#patterns.get(key)
    const regexp = known ?? compile(pattern)
    this.#patterns.delete(key)
    this.#patterns.set(key, regexp)
    if (!known) this.#sourceLength += key.length
    for (const oldest of this.#patterns.keys()) {
      if (this.#patterns.size <= mostPatterns && this.#sourceLength <= mostSourceLength) break
      this.#patterns.delete(oldest)
      this.#sourceLength -= oldest.length
    }
    return regexp
  }
}

function answer(patterns: PatternCache, { text, ...pattern }: Question): Answer {
  try {
    return { found: findMatch(patterns.get(pattern), text) !== null }
  } catch (error) {
    // V8 gives up with a SyntaxError on a pattern that is too large, with a RangeError when its stack of 64 MB is full.
    const isSyntax = error instanceof SyntaxError
    return { error: isSyntax ? 'too large to compile' : 'needs too much memory on this page' }
  }
}

const patterns = new PatternCache()
parentPort?.on('message', (question: Question) => parentPort?.postMessage(answer(patterns, question)))
parentPort?.postMessage('ready' satisfies Answer)
