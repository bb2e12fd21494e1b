import fs from 'node:fs'

const checkEveryMs = 1_000

/** A small file that is read again when it has changed. */
export class WatchedFile {
  #checkedMs = Number.NEGATIVE_INFINITY
  #stamp: string | undefined
  #text: string | undefined
  #doubted: string | undefined

  constructor(
    private readonly path: string,
    private readonly now: () => number,
  ) {}

  /**
   * The text, when it is another than at the last call; undefined: it is not, or the last look was less than a second
   * ago. A file that cannot be read is an empty one.
   *
   * Looks synchronously: a stat takes 2 µs, by way of libuv's thread pool 29 µs, and there it would queue behind lookups.
   */
  changed(): string | undefined {
    const nowMs = this.now()
    if (nowMs - this.#checkedMs < checkEveryMs) return undefined
    this.#checkedMs = nowMs
    const stamp = stampOf(this.path)
    if (stamp === this.#stamp) return undefined
    const text = textOf(this.path)
    // Docker and DHCP clients write these files in place: one that just became empty is believed at the second look.
    if (text === '' && this.#text && this.#doubted !== stamp) {
      this.#doubted = stamp
      return undefined
    }
    this.#stamp = stamp
    if (text === this.#text) return undefined
    this.#text = text
    return text
  }
}

/** Besides time and size the inode: a file may be replaced by one of the same size within the clock's grain (4 ms). */
function stampOf(path: string): string {
  try {
    const { ino, size, mtimeMs } = fs.statSync(path)
    return `${ino} ${size} ${mtimeMs}`
  } catch {
    return 'none'
  }
}

function textOf(path: string): string {
  try {
    return fs.readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
