import type { JavaScriptPattern } from './emit.ts'

/** Only parses: V8 compiles at the first match. */
export function compile({ source, flags }: JavaScriptPattern): RegExp {
  return new RegExp(source, `${flags}g`)
}

/** Where a pattern occurs first in a text; null: nowhere. */
export function findMatch(regexp: RegExp, text: string): RegExpExecArray | null {
  regexp.lastIndex = 0
  for (;;) {
    const match = regexp.exec(text)
    // V8 also looks between the halves of a surrogate pair, where Python has no place: `(?<!a)(?!b)` was found there.
    if (!match || !isInsidePair(text, match.index)) return match
    regexp.lastIndex = match.index + 1
  }
}

function isInsidePair(text: string, index: number): boolean {
  return index > 0 && (text.codePointAt(index - 1) ?? 0) > 0xffff
}
