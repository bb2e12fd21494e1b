import { type Dirent, existsSync } from 'node:fs'
import { mkdir, readdir, stat } from 'node:fs/promises'
import path from 'node:path'
import type { Logger } from '../logger.ts'
import { DiskStore, FolderDamaged, FolderInUse, problemOf } from './diskStore.ts'
import type { Contents } from './store.ts'

/**
 * Opens the folder of this producer in `producer.spool.path`: the lowest number that no other process has open. What a
 * producer that is gone left in it is this one's then.
 *
 * @throws {FatalError} with the line that says why the path cannot be used, and what to do
 */
export async function openOwnFolder(root: string, logger: Logger): Promise<{ store: DiskStore; contents: Contents }> {
  await mkdir(root, { recursive: true }).catch((error: unknown) => {
    throw problemOf(error, root)
  })
  for (let number = 1; ; number++) {
    try {
      return await DiskStore.open(path.join(root, String(number)), logger)
    } catch (error) {
      if (error instanceof FolderDamaged) logger.error(error.message)
      else if (!(error instanceof FolderInUse)) throw error
    }
  }
}

/** The folders of producers, and the path itself where an earlier version of webmon had its spool in it. */
export async function spoolFolders(root: string): Promise<string[]> {
  const numbers = (await readdir(root, { withFileTypes: true }).catch((): Dirent[] => []))
    .filter((entry) => entry.isDirectory() && /^[1-9]\d*$/.test(entry.name))
    .map(({ name }) => Number(name))
    .sort((a, b) => a - b)
  const folders = numbers.map((number) => path.join(root, String(number)))
  return existsSync(path.join(root, 'CURRENT')) ? [root, ...folders] : folders
}

/** Told by its files, because to open it is to change it. One that was emptied and compacted holds none. */
export async function mayHoldEntries(folder: string): Promise<boolean> {
  for (const name of await readdir(folder).catch(() => [])) {
    if (!/\.(log|ldb|sst)$/.test(name)) continue
    const file = await stat(path.join(folder, name)).catch(() => undefined)
    if (file && file.size > 0) return true
  }
  return false
}
