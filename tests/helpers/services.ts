import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

export interface LogLine {
  readonly level: string
  readonly msg: string
  readonly [field: string]: unknown
}

const configFile = fileURLToPath(new URL('../data/services.yaml', import.meta.url))

/** A real process of webmon: `node dist/producer.js` and the like. Its spool goes with it, unless one is given. */
export class Service {
  readonly log: LogLine[] = []
  readonly errors: string[] = []
  readonly #process: ChildProcess
  readonly exited: Promise<number | null>

  constructor(
    readonly name: 'producer' | 'consumer' | 'run',
    env: Record<string, string>,
  ) {
    const spool = mkdtempSync(path.join(tmpdir(), 'webmon-spool-'))
    const inherited = Object.entries(process.env).filter(([variable]) => !variable.startsWith('WEBMON_'))
    this.#process = spawn(process.execPath, [`dist/${name}.js`], {
      env: {
        ...Object.fromEntries(inherited),
        WEBMON_CONFIG_FILE: configFile,
        WEBMON_PRODUCER_HTTP_PORT: '0',
        WEBMON_CONSUMER_HTTP_PORT: '0',
        WEBMON_PRODUCER_SPOOL_PATH: spool,
        ...env,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    started.add(this)
    this.exited = once(this.#process, 'close').then(([code]) => {
      started.delete(this)
      rmSync(spool, { recursive: true, force: true })
      return code as number | null
    })
    createInterface({ input: this.#process.stdout as NodeJS.ReadableStream }).on('line', (line) => {
      try {
        this.log.push(JSON.parse(line) as LogLine)
      } catch {
        this.errors.push(line)
      }
    })
    createInterface({ input: this.#process.stderr as NodeJS.ReadableStream }).on('line', (line) =>
      this.errors.push(line),
    )
  }

  get pid(): number {
    return this.#process.pid as number
  }

  /** Waits for a log line. */
  logged(message: RegExp, withinMs = 30_000): Promise<LogLine> {
    return until(
      () => this.log.find(({ msg }) => message.test(msg)),
      withinMs,
      () => `${this.name} to log ${message}; it logged:\n${this.said()}`,
    )
  }

  kill(signal: NodeJS.Signals): void {
    this.#process.kill(signal)
  }

  /** Ends it with a signal. @returns its exit code, and how long it took */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<{ code: number | null; ms: number }> {
    const startMs = performance.now()
    this.#process.kill(signal)
    const code = await Promise.race([this.exited, sleep(20_000, 'still running' as const)])
    if (code === 'still running') throw new Error(`${this.name} is still running 20 s after ${signal}:\n${this.said()}`)
    return { code, ms: performance.now() - startMs }
  }

  said(): string {
    return [...this.log.slice(-20).map((line) => JSON.stringify(line)), ...this.errors.slice(-20)].join('\n')
  }
}

const started = new Set<Service>()

/** For afterEach or afterAll: nothing that a test has started outlives it. A killed consumer holds up its group for 10 s. */
export async function stopServices(): Promise<void> {
  const running = [...started]
  for (const service of running) service.kill('SIGTERM')
  const timer = setTimeout(() => {
    for (const service of running) service.kill('SIGKILL')
  }, 9_000)
  await Promise.all(running.map((service) => service.exited))
  clearTimeout(timer)
}

/** Waits until something is there, asking every 50 ms. @throws when it is not there in time */
export async function until<T>(
  ask: () => Promise<T | undefined | false> | T | undefined | false,
  withinMs = 30_000,
  what: () => string = () => ask.toString(),
): Promise<T> {
  const endMs = performance.now() + withinMs
  for (;;) {
    const answer = await ask()
    if (answer !== undefined && answer !== false) return answer
    if (performance.now() > endMs) throw new Error(`waited ${withinMs / 1000} s for ${what()}`)
    await sleep(50)
  }
}
