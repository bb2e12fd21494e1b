import { execFileSync } from 'node:child_process'
import {
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  utimesSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

const project = fileURLToPath(new URL('../..', import.meta.url))

/** What a clone of this repository would hold, in a folder of its own. */
export interface FreshClone {
  readonly folder: string
  remove(): void
}

/**
 * All that git knows, as it is in the working tree; nothing is compiled. So that nothing is downloaded, node_modules and
 * Kafka's libraries are this clone's.
 */
export function freshClone(): FreshClone {
  const folder = mkdtempSync(path.join(tmpdir(), 'webmon-clone-'))
  const files = execFileSync('git', ['ls-files', '-z'], { cwd: project, encoding: 'utf8' }).split('\0')
  for (const file of files.filter((file) => file !== '' && isThere(path.join(project, file)))) {
    cpSync(path.join(project, file), path.join(folder, file))
  }
  symlinkSync(path.join(project, 'node_modules'), path.join(folder, 'node_modules'))
  // Older than what was installed from it, as after `npm ci`.
  utimesSync(path.join(folder, 'package-lock.json'), 0, 0)
  mkdirSync(path.join(folder, 'data'))
  const data = path.join(project, 'data')
  const libraries = existsSync(data) ? readdirSync(data).filter((name) => /^kafka-libs-[\d.]+$/.test(name)) : []
  for (const name of libraries) symlinkSync(path.join(data, name), path.join(folder, 'data', name))
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) }
}

/** A file that was deleted and not committed yet is none. */
function isThere(file: string): boolean {
  return lstatSync(file, { throwIfNoEntry: false }) !== undefined
}
