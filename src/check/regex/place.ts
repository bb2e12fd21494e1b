import { compile, findMatch } from './match.ts'
import { Translator } from './translate.ts'

/** Where a pattern occurs first, in units of the text. */
export interface Place {
  readonly from: number
  readonly to: number
}

/**
 * For a pattern that a search has found in this very text: outside of its thread nothing ends one that takes too long.
 */
export function placeOf(pattern: string, text: string): Place | undefined {
  const translation = new Translator().translate(pattern)
  if ('literal' in translation) {
    const from = text.indexOf(translation.literal)
    return from < 0 ? undefined : { from, to: from + translation.literal.length }
  }
  const match = findMatch(compile(translation), text)
  return match ? { from: match.index, to: match.index + match[0].length } : undefined
}
