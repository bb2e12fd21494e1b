import type { StatsFsBase } from 'node:fs'

/** What LevelDB may need at once to take a log in and to write its tables anew: without it, it cannot even be opened. */
const reserveBytes = 32_000_000
/** On a small disk the reserve is this share of it. */
const reserveShare = 0.1

/** New checks stop at this share of the limit: the rest is for those under way. */
export const fullShare = 0.95

/** The bytes of a disk that are kept for what is in the spool already, and those that are left; undefined: no size is known. */
export function roomOn({ bsize, blocks, bavail }: StatsFsBase<number>): { reserve: number; left: number } | undefined {
  // Some file systems know no sizes, and say 0.
  if (blocks === 0) return undefined
  return { reserve: Math.min(reserveBytes, blocks * bsize * reserveShare), left: bavail * bsize }
}
