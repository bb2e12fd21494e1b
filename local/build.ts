import { readdirSync, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import { projectFolder } from './folders.ts'
import { run } from './process.ts'

const sources = ['src', 'tsconfig.json', 'tsconfig.build.json', 'package-lock.json']
const results = ['dist/producer.js', 'dist/consumer.js']

/** Compiles `src` to `dist` when a source is newer than what was compiled from it. */
export async function buildServices(progress: (line: string) => void, signal: AbortSignal): Promise<void> {
  const newest = Math.max(...sources.flatMap(filesOf).map(changed))
  const oldest = Math.min(...results.map((file) => changed(path.join(projectFolder, file))))
  if (oldest > newest) return
  progress('compiling src to dist ...')
  const typescript = path.dirname(createRequire(import.meta.url).resolve('typescript/package.json'))
  const compiler = path.join(typescript, 'bin', 'tsc')
  const compile = {
    command: process.execPath,
    args: [compiler, '-p', 'tsconfig.build.json'],
    cwd: projectFolder,
    signal,
  }
  await run(compile).catch((error: Error) => {
    throw new Error(`src cannot be compiled: ${error.message}`)
  })
}

function filesOf(name: string): string[] {
  const full = path.join(projectFolder, name)
  const inside = statSync(full, { throwIfNoEntry: false })?.isDirectory()
    ? readdirSync(full, { recursive: true, encoding: 'utf8' })
    : ['']
  return inside.map((file) => path.join(full, file))
}

/** Milliseconds; 0 for a file that is not there. */
function changed(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0
}
