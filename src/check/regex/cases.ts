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

/** Above this no script has capitals (Adlam, U+1E900 to U+1E943, is the last). */
const lastCased = 0x1ffff

/** Under `(?i)`: which code points match each other. */
export class Cases {
  /** By code point, ascending: all that it matches, itself too. Made at the first need, in some 10 ms. */
  #unicode: ReadonlyMap<number, readonly number[]> | null = null

  /** All code points that match this one, itself first. */
  of(code: number, { ignoreCase, ascii }: Flags): readonly number[] {
    if (!ignoreCase) return [code]
    const other = isAsciiLetter(code) ? code ^ 0x20 : null
    if (ascii) return other === null ? [code] : [code, other]
    // The only letters of ASCII that match more than each other; the rest spares most patterns the table.
    if (other !== null && !/[iks]/i.test(String.fromCharCode(code))) return [code, other]
    if (code < 0x80 && other === null) return [code]
    const members = this.#table().get(code) ?? []
    return [code, ...members.filter((member) => member !== code)]
  }

  /** What the ranges match besides themselves. */
  beyond(ranges: readonly Range[], { ignoreCase, ascii }: Flags): Range[] {
    if (!ignoreCase) return []
    const found = new Set<number>()
    for (const [first, last] of ranges) {
      if (ascii || last < 0x80) {
        for (let code = Math.max(first, 0x41); code <= Math.min(last, 0x7a); code++) {
          for (const member of this.of(code, { ignoreCase, ascii } as Flags)) found.add(member)
        }
        continue
      }
      for (const [code, members] of this.#table()) {
        if (code > last) break
        if (code >= first) for (const member of members) found.add(member)
      }
    }
    const isNew = (code: number) => !ranges.some(([first, last]) => first <= code && code <= last)
    return [...found].filter(isNew).map((code) => [code, code])
  }

  #table(): ReadonlyMap<number, readonly number[]> {
    this.#unicode ??= caseTable()
    return this.#unicode
  }
}

function caseTable(): ReadonlyMap<number, readonly number[]> {
  const bySmall = new Map<number, number[]>()
  for (let code = 0; code <= lastCased; code++) {
    const small = smallLetter(code)
    if (small !== code) bySmall.set(small, [...(bySmall.get(small) ?? [small]), code])
  }
  for (const letters of sameCapital) {
    const smalls = Array.from(letters, (letter) => letter.codePointAt(0) ?? 0)
    const all = smalls.flatMap((small) => bySmall.get(small) ?? [small])
    for (const small of smalls) bySmall.set(small, all)
  }
  const entries = [...bySmall.values()].flatMap((members) => members.map((code) => [code, members] as const))
  return new Map(entries.sort(([a], [b]) => a - b))
}

/** Python's simple lower case: the first code point where the full mapping has two (only U+0130). */
function smallLetter(code: number): number {
  return String.fromCodePoint(code).toLowerCase().codePointAt(0) ?? code
}

function isAsciiLetter(code: number): boolean {
  return (code >= 0x41 && code <= 0x5a) || (code >= 0x61 && code <= 0x7a)
}
