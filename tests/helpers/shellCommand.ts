import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { until } from './services.ts'

/** A command line that bash runs as a terminal does: in a process group of its own, which Ctrl-C reaches as a whole. */
export class ShellCommand {
  /** What it wrote so far, on both outputs. */
  output = ''
  /** Its exit code; null: it was ended by a signal. */
  readonly ended: Promise<number | null>
  #running = true
  readonly #child: ChildProcess

  constructor(
    private readonly command: string,
    options: { readonly cwd: string; readonly env: Record<string, string> },
  ) {
    this.#child = spawn('bash', ['-e', '-c', command], {
      ...options,
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    })
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.on('data', (chunk) => {
        this.output += chunk
      })
    }
    this.ended = once(this.#child, 'close').then(([code]) => {
      this.#running = false
      return code as number | null
    })
  }

  /** Waits for something in its output. @throws when it ends without having said it */
  says(expected: RegExp): Promise<RegExpExecArray> {
    return until(
      () => {
        const found = expected.exec(this.output)
        if (!found && !this.#running) throw new Error(`${this.command} ended:\n${this.output}`)
        return found ?? undefined
      },
      60_000,
      () => `${expected} in what ${this.command} says:\n${this.output}`,
    )
  }

  /** Ctrl-C, and the wait for the end. @returns its exit code */
  async interrupt(): Promise<number | null> {
    if (this.#running) process.kill(-(this.#child.pid as number), 'SIGINT')
    return await this.ended
  }
}
