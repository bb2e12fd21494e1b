import { createReadStream, existsSync, mkdirSync, renameSync, statSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { projectFolder } from './folders.ts'
import { BackgroundProcess } from './process.ts'
import { stateFolder } from './state.ts'

/** A service stops within 8 s by itself. */
const stopWithinMs = 12_000
const lookEveryMs = 250
const shownLevels = ['warn', 'error', 'fatal']
/** One problem often makes a line for every attempt: what differs in numbers only is shown once in so long. */
const sameTextEveryMs = 10_000

/** The producer or the consumer: its process, and its log, which it writes itself and we read. */
export class ServiceProcess {
  readonly ended: Promise<string>
  /** Ends the reading of the log once the process has ended. */
  readonly #followed: Promise<void>
  readonly #lastLines: string[] = []
  readonly #shownAt = new Map<string, number>()

  static async start(
    name: 'producer' | 'consumer',
    env: NodeJS.ProcessEnv,
    show: (line: string) => void,
  ): Promise<ServiceProcess> {
    const logFile = path.join(stateFolder, `${name}.log`)
    mkdirSync(stateFolder, { recursive: true })
    if (existsSync(logFile)) renameSync(logFile, `${logFile}.1`)
    const program = path.join(projectFolder, 'dist', `${name}.js`)
    const command = { command: process.execPath, args: [program], cwd: projectFolder, env }
    // A file and not a pipe: a service must not stand still when we do (Ctrl-Z), nor end because we were killed.
    const started = await BackgroundProcess.start(command, logFile, 'SIGTERM')
    return new ServiceProcess(name, program, logFile, started, show)
  }

  private constructor(
    readonly name: string,
    /** A part of its command line. */
    readonly program: string,
    readonly logFile: string,
    private readonly process: BackgroundProcess,
    private readonly show: (line: string) => void,
  ) {
    this.ended = process.ended
    this.#followed = this.#follow()
  }

  get pid(): number {
    return this.process.pid
  }

  async stop(hurry: AbortSignal): Promise<string> {
    const how = await this.process.stop(stopWithinMs, hurry)
    await this.#followed
    return how
  }

  /** The end of its log, once it has ended. */
  async lastWords(): Promise<string[]> {
    await this.#followed
    return this.#lastLines
  }

  async #follow(): Promise<void> {
    let position = 0
    let rest = ''
    for (let last = false; ; ) {
      const size = statSync(this.logFile).size
      if (size > position) {
        const stream = createReadStream(this.logFile, { encoding: 'utf8', start: position, end: size - 1 })
        for await (const chunk of stream) rest += chunk
        position = size
        const lines = rest.split('\n')
        rest = lines.pop() ?? ''
        for (const line of lines) this.#see(line)
      }
      if (last) return
      last = !this.process.running
      if (!last) await sleep(lookEveryMs)
    }
  }

  /** Shows warnings, errors, and what is not JSON: the line of a wrong configuration, or the last words of a crash. */
  #see(line: string): void {
    this.#lastLines.push(line)
    if (this.#lastLines.length > 10) this.#lastLines.shift()
    const entry = parse(line)
    if (entry !== undefined && !shownLevels.includes(String(entry.level))) return
    const text = entry ? `${entry.level}: ${entry.msg}` : line
    const now = Date.now()
    const kind = text.replace(/\d+/g, '0')
    if (now - (this.#shownAt.get(kind) ?? 0) < sameTextEveryMs) return
    this.#shownAt.set(kind, now)
    this.show(`${this.name}: ${text}`)
  }
}

function parse(line: string): { level?: unknown; msg?: unknown } | undefined {
  try {
    const value: unknown = JSON.parse(line)
    return typeof value === 'object' && value !== null ? value : undefined
  } catch {
    return undefined
  }
}
