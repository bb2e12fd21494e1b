import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'
import { Worker, type WorkerOptions } from 'node:worker_threads'
import type { JavaScriptPattern } from './emit.ts'
import { RegexError } from './regexError.ts'
import type { Answer, Question } from './worker.ts'

/** A search that waits for its answer. */
export interface Search {
  readonly pattern: JavaScriptPattern
  readonly text: string
  resolve(found: boolean): void
  reject(error: Error): void
}

/** A thread that is not ready by then never will be; on a busy machine it takes 0.1 s, with tsx 1 s. */
const startTimeoutMs = 20_000

/**
 * Enough for a page of some 20 MB; a pattern's own stack is V8's and ends at 64 MB. Beyond these the thread ends, not
 * the process.
 */
const resourceLimits = { maxOldGenerationSizeMb: 128, maxYoungGenerationSizeMb: 32, stackSizeMb: 4 }

/** One worker thread that matches one pattern at a time, and is killed when that takes too long. */
export class MatchThread {
  readonly #timeoutMs: number
  readonly #onFree: () => void
  #worker: Worker | null = null
  #search: Search | null = null
  #timer: NodeJS.Timeout | undefined
  #ending: Promise<unknown> | null = null

  /** `onFree` is called each time the thread can take the next search. */
  constructor(timeoutMs: number, onFree: () => void) {
    this.#timeoutMs = timeoutMs
    this.#onFree = onFree
  }

  get isFree(): boolean {
    return this.#search === null && this.#ending === null
  }

  /** Starts a search; the thread must be free. Its time begins when the thread has it. */
  run(search: Search): void {
    this.#search = search
    if (this.#worker) {
      this.#ask(this.#worker, search)
      return
    }
    try {
      this.#worker = this.#start()
    } catch (error) {
      this.#fail(new Error(`the regex thread could not be made: ${(error as Error).message}`))
      return
    }
    this.#timer = setTimeout(() => {
      this.#kill(new Error(`the regex thread did not start within ${startTimeoutMs} ms`))
    }, startTimeoutMs)
  }

  /** Ends the thread. A search that runs in it fails. */
  async close(): Promise<void> {
    if (this.#worker) this.#kill(new Error('the regex search was closed'))
    await this.#ending
  }

  #start(): Worker {
    const worker = new Worker(workerUrl, { ...workerOptions, name: 'webmon-regex', resourceLimits })
    worker.on('message', (answer: Answer) => this.#answered(worker, answer))
    worker.on('error', (error: NodeJS.ErrnoException) => {
      const isMemory = error.code === 'ERR_WORKER_OUT_OF_MEMORY'
      this.#kill(isMemory ? new RegexError('needs too much memory on this page') : error)
    })
    worker.on('exit', () => {
      if (this.#worker === worker) this.#kill(new Error('the regex thread ended'))
    })
    return worker
  }

  #ask(worker: Worker, { pattern, text }: Search): void {
    // Only while it works does the thread keep the process alive.
    worker.ref()
    worker.postMessage({ ...pattern, text } satisfies Question)
    this.#timer = setTimeout(() => {
      // After a stall of the event loop the timer comes first, though the answer may be there: it is read before this.
      this.#timer = undefined
      setImmediate(() => {
        if (this.#timer === undefined && this.#search) this.#kill(new RegexError(tooSlow(this.#timeoutMs)))
      })
    }, this.#timeoutMs)
  }

  #answered(worker: Worker, answer: Answer): void {
    const search = this.#search
    if (worker !== this.#worker || !search) return
    clearTimeout(this.#timer)
    if (answer === 'ready') {
      this.#ask(worker, search)
      return
    }
    worker.unref()
    this.#search = null
    if ('found' in answer) search.resolve(answer.found)
    else search.reject(new RegexError(answer.error))
    this.#onFree()
  }

  /** Ends the thread. Only when it is gone may the next start, so that there are never more of them at work. */
  #kill(reason: Error): void {
    const worker = this.#worker
    if (!worker) return
    this.#worker = null
    this.#ending = worker.terminate().finally(() => {
      this.#ending = null
      this.#onFree()
    })
    this.#fail(reason)
  }

  #fail(reason: Error): void {
    clearTimeout(this.#timer)
    const search = this.#search
    this.#search = null
    search?.reject(reason)
    if (this.isFree) this.#onFree()
  }
}

function tooSlow(timeoutMs: number): string {
  return `took more than ${timeoutMs} ms on this page`
}

/**
 * In dist/ the thread is a plain file of JavaScript. Under tsx and vitest it is TypeScript, which Node 20 cannot load
 * and which no loader of the main thread reaches: there it is started with tsx's own, found from here because
 * `--import tsx` would be looked up from the working directory.
 */
const isTypeScript = import.meta.url.endsWith('.ts')
const workerUrl = new URL(isTypeScript ? './worker.ts' : './worker.js', import.meta.url)
const workerOptions: WorkerOptions = isTypeScript
  ? { execArgv: ['--import', pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href] }
  : {}
