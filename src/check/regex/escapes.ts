import type { RegexError } from './regexError.ts'
import type { Tokens } from './tokens.ts'
import type { Category } from './tree.ts'

const digits = '0123456789'
const octal = '01234567'
const hexadecimal = '0123456789abcdefABCDEF'

const controls: Record<string, number> = { '\\a': 7, '\\b': 8, '\\f': 12, '\\n': 10, '\\r': 13, '\\t': 9, '\\v': 11 }

/** How many hexadecimal digits stand behind each of these. */
const hexadecimalDigits: Record<string, number> = { x: 2, u: 4, U: 8 }

/** The code point that an escape inside `[...]` stands for, or its category. `token` has been taken already. */
export function readSetEscape(tokens: Tokens, token: string): number | Category {
  const letter = token.slice(1)
  if (isCategory(letter)) return letter
  const control = controls[token]
  if (control !== undefined) return control
  if (octal.includes(letter)) {
    const whole = token + tokens.takeWhile(octal, 2)
    return octalCode(tokens, whole)
  }
  if (digits.includes(letter)) throw badEscape(tokens, token)
  return readCommonEscape(tokens, token, letter)
}

/**
 * What an escape outside `[...]` stands for: a code point or the number of a group. `token` has been taken already,
 * and is neither a category nor an anchor.
 */
export function readEscape(tokens: Tokens, token: string): { code: number } | { group: number; text: string } {
  const letter = token.slice(1)
  const control = controls[token]
  if (control !== undefined) return { code: control }
  if (letter === '0') return { code: Number.parseInt(letter + tokens.takeWhile(octal, 2), 8) }
  if (digits.includes(letter)) {
    // Three octal digits are a character, one or two digits are a group.
    let whole = token + tokens.takeWhile(digits, 1)
    if (/^\\[0-7]{2}$/.test(whole) && tokens.next !== null && octal.includes(tokens.next)) {
      whole += tokens.take()
      return { code: octalCode(tokens, whole) }
    }
    return { group: Number(whole.slice(1)), text: whole }
  }
  return { code: readCommonEscape(tokens, token, letter) }
}

function readCommonEscape(tokens: Tokens, token: string, letter: string): number {
  const wanted = hexadecimalDigits[letter]
  if (wanted !== undefined) {
    const found = tokens.takeWhile(hexadecimal, wanted)
    const whole = token + found
    if (found.length < wanted) throw tokens.error(`incomplete escape ${whole}`, whole.length)
    const code = Number.parseInt(found, 16)
    if (code > 0x10ffff) throw badEscape(tokens, whole)
    return code
  }
  if (letter === 'N') {
    // Python looks the name up in a table of 34,000 names that Node does not have.
    throw tokens.error('\\N{...} is not supported, write the character or its \\uXXXX', token.length)
  }
  if (/[A-Za-z]/.test(letter)) throw badEscape(tokens, token)
  return letter.codePointAt(0) ?? 0
}

function octalCode(tokens: Tokens, token: string): number {
  const code = Number.parseInt(token.slice(1), 8)
  if (code > 0o377) {
    throw tokens.error(`octal escape value ${token} outside of range 0-0o377`, token.length)
  }
  return code
}

function badEscape(tokens: Tokens, token: string): RegexError {
  return tokens.error(`bad escape ${token}`, Array.from(token).length)
}

export function isCategory(letter: string): letter is Category {
  return letter.length === 1 && 'dDwWsS'.includes(letter)
}
