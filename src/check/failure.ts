import type { CheckError } from './checkError.ts'

/** Why a check ends without a complete HTTP response. It becomes data of the entry, and never leaves `src/check`. */
export class Failure extends Error {
  /**
   * @param code a word of the vocabulary
   * @param detail one sentence for people: no URL, no header, no wording of a library beyond its reason
   */
  constructor(
    readonly code: CheckError,
    detail: string,
  ) {
    super(plainText(detail, 300))
  }
}

/**
 * What a website says, on one line. PostgreSQL can hold neither U+0000 nor half of a surrogate pair: an entry with one of
 * these would never become a row.
 */
export function plainText(text: string, maxLength: number): string {
  return text
    .replaceAll(/[\s\p{Cc}]+/gu, ' ')
    .trim()
    .slice(0, maxLength)
    .toWellFormed()
}
