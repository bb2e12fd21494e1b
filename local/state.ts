import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { dataFolder } from './folders.ts'

/** Of `make local`: what it keeps from start to start, and where it is found while it runs. */
export interface State {
  /** Of the last run, which may be over. */
  readonly pid: number
  /** What it started; a run that was killed may have left them. */
  readonly processes: readonly { readonly pid: number; readonly mark: string }[]
  /** Taken again when they are free. */
  readonly ports: Partial<Ports>
  /** postgres:// URL */
  readonly database?: string
}

export interface Ports {
  readonly kafka: number
  readonly postgres: number
  readonly producer: number
  readonly consumer: number
}

/** Everything of `make local`: data, logs and state. The tests name another one, to leave the user's alone. */
export const stateFolder = path.resolve(process.env.WEBMON_TEST_FOLDER || path.join(dataFolder, 'local'))
const file = path.join(stateFolder, 'state.json')

export function readState(): State {
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch {
    // The first start, or a file that was being written when the machine went down.
    return { pid: 0, processes: [], ports: {} }
  }
}

export function writeState(state: State): void {
  mkdirSync(stateFolder, { recursive: true })
  // The URL can hold a password.
  writeFileSync(`${file}.new`, `${JSON.stringify(state, null, 2)}\n`, { mode: 0o600 })
  renameSync(`${file}.new`, file)
}
