/** Random numbers that a seed brings back (mulberry32): a run that failed can be had again. */
export class Random {
  constructor(private state: number) {}

  /** From 0 up to, and without, 1. */
  next(): number {
    this.state = (this.state + 0x6d2b79f5) | 0
    let t = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }

  between(from: number, to: number): number {
    return from + Math.floor(this.next() * (to - from + 1))
  }

  shuffled<T>(items: readonly T[]): T[] {
    const all = [...items]
    for (let n = all.length - 1; n > 0; n--) {
      const other = this.between(0, n)
      ;[all[n], all[other]] = [all[other] as T, all[n] as T]
    }
    return all
  }
}
