import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

/** A disk of its own, in memory, that can be filled. */
export interface SmallDisk {
  /** But for so many MB. */
  fill(butMb?: number): void
  empty(): void
  unmount(): void
}

/** Mounts one on a folder: for root, on Linux. */
export function mountSmallDisk(folder: string, sizeMb: number): SmallDisk {
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${sizeMb}m`, 'tmpfs', folder], { stdio: 'pipe' })
  const filler = path.join(folder, 'filler')
  return {
    fill(butMb = 0) {
      const { bavail, bsize } = statfsSync(folder)
      const bytes = bavail * bsize - butMb * 1e6
      for (let written = 0; written < bytes; ) {
        const some = Math.min(bytes - written, 1e6)
        writeFileSync(filler, Buffer.alloc(some), { flag: 'a' })
        written += some
      }
    },
    empty() {
      rmSync(filler, { force: true })
    },
    unmount() {
      execFileSync('umount', [folder], { stdio: 'pipe' })
    },
  }
}

/** Whether this is a place where they can be mounted. */
export const smallDisks = (() => {
  const folder = mkdtempSync(path.join(tmpdir(), 'webmon-disk-'))
  try {
    mountSmallDisk(folder, 1).unmount()
    return true
  } catch {
    return false
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})()
