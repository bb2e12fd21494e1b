import type { Flags, Range } from './tree.ts'

/**
 * Small letters that share their capital: Python's `(?i)` takes them for equal though none is the other's small letter
 * (the table of Lib/re/_casefix.py).
 */
const sameCapital = [
  'i\u0131',
  's\u017f',
  '\xb5\u03bc',
  '\u0345\u03b9\u1fbe',
  '\u0390\u1fd3',
  '\u03b0\u1fe3',
  '\u03b2\u03d0',
  '\u03b5\u03f5',
  '\u03b8\u03d1',
  '\u03ba\u03f0',
  '\u03c0\u03d6',
  '\u03c1\u03f1',
  '\u03c2\u03c3',
  '\u03c6\u03d5',
  '\u0432\u1c80',
  '\u0434\u1c81',
  '\u043e\u1c82',
  '\u0441\u1c83',
  '\u0442\u1c84\u1c85',
  '\u044a\u1c86',
  '\u0463\u1c87',
  '\u1c88\ua64b',
  '\u1e61\u1e9b',
  '\ufb05\ufb06',
]

/** What letters of ASCII match outside of it. With these at hand most patterns do without the table. */
const beyondAscii: Record<string, readonly number[]> = { i: [0x130, 0x131], k: [0x212a], s: [0x17f] }

/** Above this no script has capitals (Adlam, U+1E900 to U+1E943, is the last). */
const lastCased = 0x1ffff

type CaseFlags = Pick<Flags, 'ignoreCase' | 'ascii'>

/** Under `(?i)`: which code points match each other. */
export class Cases {
  /** Made at the first need, in a few ms. */
  #table: CaseTable | null = null

  /** All code points that match this one, itself first. */
  of(code: number, { ignoreCase, ascii }: CaseFlags): readonly number[] {
    if (!ignoreCase || (code < 0x80 && !isAsciiLetter(code))) return [code]
    if (code < 0x80) {
      const beyond = beyondAscii[String.fromCharCode(code).toLowerCase()] ?? []
      return [code, code ^ 0x20, ...(ascii ? [] : beyond)]
    }
    if (ascii) return [code]
    return [code, ...this.#others(code, code)]
  }

  /** What the ranges match besides themselves. */
  beyond(ranges: readonly Range[], flags: CaseFlags): Range[] {
    if (!flags.ignoreCase) return []
    const found = new Set<number>()
    for (const [first, last] of ranges) {
      for (let code = Math.max(first, 0x41); code <= Math.min(last, 0x7a); code++) {
        for (const member of this.of(code, flags)) found.add(member)
      }
      if (last >= 0x80 && !flags.ascii)
        for (const member of this.#others(Math.max(first, 0x80), last)) found.add(member)
    }
    const isNew = (code: number) => !ranges.some(([first, last]) => first <= code && code <= last)
    return Array.from(found)
      .filter(isNew)
      .map((code) => [code, code])
  }

  /** What matches a code point of this range and is not in it. */
  #others(first: number, last: number): Set<number> {
    this.#table ??= makeTable()
    const { codes, others } = this.#table
    const found = new Set<number>()
    for (let index = firstIndex(codes, first); index < codes.length; index++) {
      if ((codes[index] ?? 0) > last) break
      const other = others[index] ?? 0
      if (other < first || other > last) found.add(other)
    }
    return found
  }
}

/** Pairs of different code points that match each other, in the order of the first: some 3,000. */
interface CaseTable {
  readonly codes: Uint32Array
  readonly others: Uint32Array
}

function makeTable(): CaseTable {
  const bySmall = new Map<number, number[]>()
  for (let block = 0; block <= lastCased; block += 0x100) {
    const text = String.fromCodePoint(...Array.from({ length: 0x100 }, (_, index) => block + index))
    if (text.toLowerCase() === text) continue
    for (let code = block; code < block + 0x100; code++) {
      const small = smallLetter(code)
      if (small === code) continue
      const members = bySmall.get(small) ?? [small]
      members.push(code)
      bySmall.set(small, members)
    }
  }
  for (const letters of sameCapital) {
    const smalls = Array.from(letters, (letter) => letter.codePointAt(0) ?? 0)
    const all = smalls.flatMap((small) => bySmall.get(small) ?? [small])
    for (const small of smalls) bySmall.set(small, all)
  }
  const pairs: [number, number][] = []
  for (const [small, members] of bySmall) {
    const mine = members.filter((code) => code === small || smallLetter(code) === small)
    for (const code of mine) for (const other of members) if (other !== code) pairs.push([code, other])
  }
  pairs.sort(([a], [b]) => a - b)
  return { codes: Uint32Array.from(pairs, ([code]) => code), others: Uint32Array.from(pairs, ([, other]) => other) }
}

/** Where in ascending numbers the first stands that is not less. */
function firstIndex(codes: Uint32Array, least: number): number {
  let [from, to] = [0, codes.length]
  while (from < to) {
    const middle = (from + to) >> 1
    if ((codes[middle] ?? 0) < least) from = middle + 1
    else to = middle
  }
  return from
}

/** Python's simple lower case: the first code point where the full mapping has two (only U+0130). */
function smallLetter(code: number): number {
  return String.fromCodePoint(code).toLowerCase().codePointAt(0) ?? code
}

function isAsciiLetter(code: number): boolean {
  return (code >= 0x41 && code <= 0x5a) || (code >= 0x61 && code <= 0x7a)
}
