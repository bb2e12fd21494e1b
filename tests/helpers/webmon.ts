import { spawn } from 'node:child_process'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

export interface Ran {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

const program = fileURLToPath(new URL('../../dist/webmon.js', import.meta.url))

/** Where there is no configuration file, unless a test wants one. */
const elsewhere = tmpdir()

/** Runs `webmon` to its end, as a process of its own. */
export function webmon(
  args: readonly string[],
  env: Record<string, string> = {},
  { cwd = elsewhere, input = '' } = {},
): Promise<Ran> {
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('WEBMON_'))
  const child = spawn(process.execPath, [program, ...args], {
    cwd,
    env: { ...Object.fromEntries(inherited), ...env },
  })
  return new Promise((resolve, reject) => {
    let out = ''
    let err = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      out += text
    })
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      err += text
    })
    child.once('error', reject)
    child.once('close', (code) => resolve({ code, out, err }))
    child.stdin.on('error', () => undefined)
    child.stdin.end(input)
  })
}

/** Its answer to `--json`. */
export async function webmonJson<T>(args: readonly string[], env: Record<string, string> = {}): Promise<T> {
  const ran = await webmon([...args, '--json'], env)
  if (ran.out === '') throw new Error(`webmon ${args.join(' ')} ended with ${ran.code}: ${ran.err}`)
  return JSON.parse(ran.out) as T
}

/** The configuration file of the tests, as `--config` takes it. */
export const configFile = path.resolve(fileURLToPath(new URL('../data/services.yaml', import.meta.url)))
