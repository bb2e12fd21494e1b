import { type ChildProcess, execFileSync, type SpawnOptions, spawn } from 'node:child_process'
import { closeSync, existsSync, mkdirSync, openSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

export interface Command {
  readonly command: string
  readonly args: readonly string[]
  readonly cwd?: string | undefined
  readonly env?: NodeJS.ProcessEnv | undefined
  /** Another user of the system, which only root may choose. */
  readonly user?: { readonly uid: number; readonly gid: number } | undefined
  readonly signal?: AbortSignal | undefined
}

/** What a command wrote on both outputs. Throws with the end of it when the command fails. */
export function run(asked: Command): Promise<string> {
  const { command, args, signal } = asked
  return new Promise((resolve, reject) => {
    // A process group of its own: at a Ctrl-C only we decide what is ended, and in which order.
    const child = spawn(command, args, { ...where(asked), stdio: ['ignore', 'pipe', 'pipe'], detached: true })
    const abort = () => child.pid !== undefined && child.exitCode === null && send(-child.pid, 'SIGTERM')
    if (signal?.aborted) abort()
    signal?.addEventListener('abort', abort, { once: true })
    let output = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (chunk: string) => {
        output += chunk
      })
    }
    child.once('error', (error) => reject(new Error(`${command}: ${error.message}`)))
    child.once('close', (code, killedBy) => {
      signal?.removeEventListener('abort', abort)
      if (code === 0) resolve(output)
      else reject(new Error(`${path.basename(command)} ended with ${code ?? killedBy}: ${lastLines(output, 12)}`))
    })
  })
}

/** A process that runs until it is told to end, or until this process ends, however that comes about. */
export class BackgroundProcess {
  readonly pid: number
  /** How it ended, in words; never rejects. */
  readonly ended: Promise<string>
  #running = true
  readonly #child: ChildProcess

  /**
   * @param logFile gets both outputs
   * @param endSignal asks it to end cleanly
   * @param leftover a folder that is deleted when this process dies without having ended the other one
   */
  static async start(command: Command, logFile: string, endSignal: NodeJS.Signals, leftover?: string) {
    mkdirSync(path.dirname(logFile), { recursive: true })
    const log = openSync(logFile, 'a')
    // Detached: Ctrl-C in a terminal goes to the whole process group, and would end the servers before their clients.
    const options: SpawnOptions = { ...where(command), stdio: ['ignore', log, log], detached: true }
    const child = spawn(command.command, command.args, options)
    closeSync(log)
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve)
      child.once('error', (error) => reject(new Error(`${command.command}: ${error.message}`)))
    })
    return new BackgroundProcess(child, endSignal, leftover)
  }

  private constructor(
    child: ChildProcess,
    private readonly endSignal: NodeJS.Signals,
    leftover?: string,
  ) {
    this.#child = child
    this.pid = child.pid as number
    // Not waited for at our own end: where a stop is forgotten, the guard sees to it.
    child.unref()
    const guard = startGuard(this.pid, endSignal, leftover)
    this.ended = new Promise((resolve) => {
      child.once('exit', (code, signal) => {
        this.#running = false
        guard.kill('SIGKILL')
        resolve(code === null ? `signal ${signal}` : `exit code ${code}`)
      })
    })
  }

  get running(): boolean {
    return this.#running
  }

  /** Asks it to end and waits for it; one that still runs after `patienceMs`, or when `hurry` is aborted, is killed. */
  async stop(patienceMs: number, hurry?: AbortSignal): Promise<string> {
    this.#child.ref()
    if (this.#running) this.#child.kill(this.endSignal)
    const kill = () => this.#running && this.#child.kill('SIGKILL')
    if (hurry?.aborted) kill()
    hurry?.addEventListener('abort', kill, { once: true })
    const timer = setTimeout(kill, patienceMs)
    const how = await this.ended
    clearTimeout(timer)
    hurry?.removeEventListener('abort', kill)
    return how
  }

  /** Ends it without a goodbye. */
  async kill(): Promise<void> {
    this.#child.ref()
    if (this.#running) this.#child.kill('SIGKILL')
    await this.ended
  }
}

/**
 * A shell that reads from a pipe whose other end only we hold. The pipe ends when we do, be it by kill -9;
 * then the shell asks the process to end, and kills it after 20 s.
 */
function startGuard(pid: number, endSignal: NodeJS.Signals, leftover = ''): ChildProcess {
  const script = `
    trap '' INT TERM HUP
    read -r never
    kill -s "$2" "$1" 2>/dev/null
    seconds=0
    while kill -0 "$1" 2>/dev/null && [ $seconds -lt 20 ]; do sleep 1; seconds=$((seconds + 1)); done
    kill -s KILL "$1" 2>/dev/null
    [ -z "$3" ] || rm -rf -- "$3"`
  const args = ['-c', script, 'webmon-guard', String(pid), endSignal.replace('SIG', ''), leftover]
  const guard = spawn('/bin/sh', args, { stdio: ['pipe', 'ignore', 'ignore'], detached: true, cwd: '/' })
  guard.on('error', () => {})
  guard.stdin.on('error', () => {})
  guard.unref()
  // A pipe is a socket to Node, which the type of `stdin` does not say.
  ;(guard.stdin as unknown as { unref(): void }).unref()
  return guard
}

/**
 * Ends a process that a killed run has left.
 *
 * @param mark a part of its command line, by which it is known: the number alone may belong to another one by now
 */
export async function endLeftover(pid: number, mark: string, signal: NodeJS.Signals, patienceMs = 20_000) {
  const deadline = Date.now() + patienceMs
  if (!isRunning(pid, mark)) return
  send(pid, signal)
  while (isRunning(pid, mark)) {
    if (Date.now() > deadline) send(pid, 'SIGKILL')
    await sleep(50)
  }
}

/** Whether there is a process with this number and this mark in its command line. */
export function isRunning(pid: number, mark: string): boolean {
  try {
    process.kill(pid, 0)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false
  }
  return commandLine(pid).includes(mark)
}

function commandLine(pid: number): string {
  try {
    if (existsSync('/proc/self/cmdline')) return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')
    return execFileSync('ps', ['-o', 'args=', '-p', String(pid)], { encoding: 'utf8' })
  } catch {
    return ''
  }
}

function where({ cwd, env, user }: Command) {
  return { ...(cwd && { cwd }), ...(env && { env }), ...user }
}

/** @param pid negative: the whole process group */
function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch {
    // It has ended in the meantime.
  }
}

/** Without the stack traces of Java, which are longer than what they follow. */
export function lastLines(text: string, count: number): string {
  const lines = text.trim().split('\n')
  return lines
    .filter((line) => !/^\s+at /.test(line))
    .slice(-count)
    .join('\n')
}
