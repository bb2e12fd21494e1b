import { RegexError } from './regexError.ts'

/**
 * A pattern as Python's `re` cuts it up: one character, or a backslash with the character behind it.
 * Positions count code points, so that a reason names the same place as Python's.
 */
export class Tokens {
  /** The token that comes next; null at the end. */
  next: string | null = null
  readonly #characters: readonly string[]
  #index = 0

  constructor(pattern: string) {
    this.#characters = Array.from(pattern)
    this.take()
  }

  /** Gives the next token and moves on; null at the end. */
  take(): string | null {
    const taken = this.next
    let next = this.#characters[this.#index] ?? null
    if (next === '\\') {
      const escaped = this.#characters[this.#index + 1]
      if (escaped === undefined) {
        throw this.errorAt('bad escape (end of pattern)', this.#characters.length - 1)
      }
      next += escaped
    }
    this.#index += length(next)
    this.next = next
    return taken
  }

  /** Moves on if the next token is this one. */
  match(token: string): boolean {
    if (this.next !== token) return false
    this.take()
    return true
  }

  /** At most `most` tokens of these characters. */
  takeWhile(characters: string, most = Number.POSITIVE_INFINITY): string {
    let result = ''
    while (result.length < most && this.next !== null && characters.includes(this.next)) result += this.take()
    return result
  }

  /** What stands before `end`, which is taken too; `name` says in the reason what is missing. */
  takeUntil(end: string, name: string): string {
    let result = ''
    for (;;) {
      const token = this.take()
      if (token === null) {
        if (result === '') throw this.error(`missing ${name}`)
        throw this.error(`missing ${end}, unterminated name`, length(result))
      }
      if (token === end) break
      result += token
    }
    if (result === '') throw this.error(`missing ${name}`, 1)
    return result
  }

  /** Where the next token begins. */
  get position(): number {
    return this.#index - length(this.next)
  }

  /** Goes back to a position. */
  seek(position: number): void {
    this.#index = position
    this.take()
  }

  /** A reason that points `back` characters before the next token. */
  error(message: string, back = 0): RegexError {
    return this.errorAt(message, this.position - back)
  }

  errorAt(message: string, position: number): RegexError {
    const at = `${message} at position ${position}`
    if (!this.#characters.includes('\n')) return new RegexError(at)
    const before = this.#characters.slice(0, position)
    const line = before.filter((character) => character === '\n').length + 1
    return new RegexError(`${at} (line ${line}, column ${position - before.lastIndexOf('\n')})`)
  }
}

/** In code points. */
export function length(text: string | null): number {
  return text === null ? 0 : Array.from(text).length
}
