import type { Decoded } from './message.ts'

/** Notes when the checks of a chunk ended, while somebody goes through it. */
export class CheckEnds implements Iterable<Decoded> {
  readonly #endsMs: Float64Array
  #length = 0

  /** @param chunk gone through anew each time, in which an entry has its end */
  constructor(
    private readonly chunk: Iterable<Decoded>,
    most: number,
  ) {
    this.#endsMs = new Float64Array(most)
  }

  *[Symbol.iterator](): Iterator<Decoded> {
    this.#length = 0
    for (const one of this.chunk) {
      if ('entry' in one) this.#endsMs[this.#length++] = endOf(one.entry.id, one.entry.timestamp)
      yield one
    }
  }

  /** How long ago each of them ended. */
  tellAges(tell: (seconds: number) => void): void {
    const nowMs = Date.now()
    for (let n = 0; n < this.#length; n++) tell(Math.max(nowMs - (this.#endsMs[n] as number), 0) / 1_000)
  }
}

/** An id of ours is made at the end of the check, and its first 48 bits are the time (UUIDv7: RFC 9562, 5.7). */
function endOf(id: string, timestamp: Date): number {
  if (id[14] !== '7') return timestamp.getTime()
  return Number.parseInt(id.slice(0, 8), 16) * 0x10000 + Number.parseInt(id.slice(9, 13), 16)
}
