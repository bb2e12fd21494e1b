import { length, type Tokens } from './tokens.ts'
import type { Flags } from './tree.ts'

/** The letters between `(?` and `)` or `:`. */
export interface FlagLetters {
  /** `(?i)`: for the whole pattern. */
  readonly global: boolean
  readonly added: string
  readonly removed: string
}

export const noFlags: Flags = { ignoreCase: false, multiline: false, dotAll: false, verbose: false, ascii: false }

/** Whether a `(?` followed by this is about flags. */
export function startsFlags(token: string): boolean {
  return token === '-' || isFlag(token)
}

/** Reads flags whose first letter, or `-`, has been taken. */
export function readFlags(tokens: Tokens, first: string): FlagLetters {
  let token = first
  let added = ''
  while (token !== '-' && token !== ')' && token !== ':') {
    if (token === 'L') throw tokens.error("bad inline flags: cannot use 'L' flag with a str pattern")
    added += token
    if (added.includes('a') && added.includes('u')) {
      throw tokens.error("bad inline flags: flags 'a', 'u' and 'L' are incompatible")
    }
    token = takeFlag(tokens, '-:)', 'missing -, : or )')
  }
  if (token === ')') return { global: true, added, removed: '' }
  const removed = token === '-' ? readRemoved(tokens) : ''
  if (Array.from(removed).some((letter) => added.includes(letter))) {
    throw tokens.error('bad inline flags: flag turned on and off', 1)
  }
  return { global: false, added, removed }
}

function readRemoved(tokens: Tokens): string {
  let removed = ''
  let token = takeFlag(tokens, '', 'missing flag')
  while (token !== ':') {
    if ('auL'.includes(token)) throw tokens.error("bad inline flags: cannot turn off flags 'a', 'u' and 'L'")
    removed += token
    token = takeFlag(tokens, ':', 'missing :')
  }
  return removed
}

/** The flags inside of `(?added-removed:...)`. */
export function changed(flags: Flags, { added, removed }: FlagLetters): Flags {
  const is = (letter: string, before: boolean) => (before || added.includes(letter)) && !removed.includes(letter)
  return {
    ignoreCase: is('i', flags.ignoreCase),
    multiline: is('m', flags.multiline),
    dotAll: is('s', flags.dotAll),
    verbose: is('x', flags.verbose),
    ascii: added.includes('a') || (flags.ascii && !added.includes('u')),
  }
}

function takeFlag(tokens: Tokens, ends: string, missing: string): string {
  const token = tokens.take()
  if (token === null) throw tokens.error(missing)
  if (isFlag(token) || ends.includes(token)) return token
  throw tokens.error(/^\p{L}$/u.test(token) ? 'unknown flag' : missing, length(token))
}

/** Not `t`, which Python 3.11 has for its own use and 3.13 dropped. */
function isFlag(token: string): boolean {
  return token.length === 1 && 'iLmsxau'.includes(token)
}
