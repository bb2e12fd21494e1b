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
  /** Called when it leaves the queue. */
  stopWaiting?: () => void
}

/** A thread that is not ready by then never will be; on a busy machine it takes 0.1 s, with tsx 1 s. */
const startTimeoutMs = 20_000

/**
 * Far more than compiled patterns need, and a page of 100 MB still passes. Beyond it the thread ends, not the process.
 * The stack on which a pattern goes back is V8's own, 64 MB at most.
 */
const resourceLimits = { maxOldGenerationSizeMb: 128, maxYoungGenerationSizeMb: 32, stackSizeMb: 4 }

/** One worker thread that matches one pattern at a time, and is killed when that takes too long. */
export class MatchThread {
  readonly #timeoutMs: number
  readonly #onFree: () => void
  #worker: Worker | null = null
  #isReady = false
  #isClosed = false
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
    const failure = this.#worker ? null : this.#start()
    if (failure) {
      search.reject(failure)
      queueMicrotask(this.#onFree)
      return
    }
    this.#search = search
    // Only while it has work does the thread keep the process alive.
    this.#worker?.ref()
    if (this.#isReady) this.#ask(search)
    else this.#timer = setTimeout(() => this.#kill(new Error('the regex thread does not start')), startTimeoutMs)
  }

  /** Ends the thread. A search that runs in it fails. */
  async close(): Promise<void> {
    this.#isClosed = true
    this.#kill(new Error('the regex search was closed'))
    await this.#ending
  }

  /** Gives the reason when the system has no more threads. */
  #start(): Error | null {
    let worker: Worker
    try {
      worker = makeWorker({ name: 'webmon-regex', resourceLimits })
    } catch (error) {
      return error as Error
    }
    worker.unref()
    worker.on('message', (answer: Answer) => this.#answered(worker, answer))
    worker.on('error', (error: NodeJS.ErrnoException) => {
      const isMemory = error.code === 'ERR_WORKER_OUT_OF_MEMORY'
      this.#kill(isMemory ? new RegexError('needs too much memory on this page') : error)
    })
    worker.on('exit', () => {
      if (this.#worker === worker) this.#kill(new Error('the regex thread ended'))
    })
    this.#worker = worker
    return null
  }

  #ask({ pattern, text }: Search): void {
    this.#worker?.postMessage({ ...pattern, text } satisfies Question)
    this.#timer = setTimeout(() => {
      // After a stall of the event loop the timer comes first, though the answer may be there: it is read before this.
      this.#timer = undefined
      setImmediate(() => {
        if (this.#timer || !this.#search) return
        this.#kill(new RegexError(`took more than ${this.#timeoutMs} ms on this page`), 'and start anew')
      })
    }, this.#timeoutMs)
  }

  #answered(worker: Worker, answer: Answer): void {
    if (worker !== this.#worker) return
    const search = this.#search
    if (answer === 'ready') {
      this.#isReady = true
      clearTimeout(this.#timer)
      if (search) this.#ask(search)
      return
    }
    clearTimeout(this.#timer)
    worker.unref()
    this.#search = null
    if ('found' in answer) search?.resolve(answer.found)
    else search?.reject(new RegexError(answer.error))
    this.#onFree()
  }

  /**
   * Ends the thread, and its search with it. Only when it is gone may the next start, so that there are never more of
   * them at work: V8 compiles to the end before it lets itself be stopped.
   */
  #kill(reason: Error, then?: 'and start anew'): void {
    const worker = this.#worker
    if (!worker) return
    clearTimeout(this.#timer)
    this.#worker = null
    this.#isReady = false
    this.#ending = worker.terminate().finally(() => {
      this.#ending = null
      if (then && !this.#isClosed) this.#start()
      this.#onFree()
    })
    const search = this.#search
    this.#search = null
    search?.reject(reason)
  }
}

/**
 * In dist/ the thread is a plain file of JavaScript. Under tsx and vitest it is TypeScript, which Node 20 cannot load,
 * and `--import tsx` does nothing in a thread: tsx's loader is installed by hand in front of it.
 */
function makeWorker(options: WorkerOptions): Worker {
  if (!import.meta.url.endsWith('.ts')) return new Worker(new URL('./worker.js', import.meta.url), options)
  const tsx = JSON.stringify(import.meta.resolve('tsx/esm/api'))
  const file = JSON.stringify(new URL('./worker.ts', import.meta.url).href)
  const code = `import(${tsx}).then(({ register }) => { register(); return import(${file}) })`
  return new Worker(code, { ...options, eval: true })
}
