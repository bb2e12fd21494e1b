import { Cases } from './cases.ts'
import { emit, type JavaScriptPattern } from './emit.ts'
import { parse } from './parse.ts'
import { RegexError } from './regexError.ts'
import { resolve } from './resolve.ts'
import type { Node } from './tree.ts'

/** What a pattern is for JavaScript: a text that must occur as it is, or a RegExp's source and flags. */
export type Translation = { readonly literal: string } | JavaScriptPattern

/** 8 kB in UTF-8. A pattern travels with each message, and none of these may be too large for the broker. */
export const mostPatternBytes = 8_000

/** Only thousands of \b, \B or sets under (?i) get here. V8 took 2.6 s and 500 MB for 360,000. */
const mostSourceLength = 100_000

/**
 * Translates patterns of Python 3.11's `re` (for text) to JavaScript, Node 20.19 and newer. docs/regex.md has the table
 * of what is translated, refused and different.
 */
export class Translator {
  readonly #cases = new Cases()

  /**
   * Only translates. Compiling is for the worker: the RegExp of a hostile pattern took V8 0.8 s to parse alone.
   * @throws RegexError with Python's own reason where Python refuses, or that says what is not supported
   */
  translate(python: string): Translation {
    if (python.length > mostPatternBytes || Buffer.byteLength(python) > mostPatternBytes) {
      throw new RegexError(`longer than ${mostPatternBytes} bytes`)
    }
    const root = parse(python)
    const literal = this.#literal(root)
    if (literal !== null) return { literal }
    const pattern = emit(resolve(root), this.#cases)
    if (pattern.source.length > mostSourceLength) throw new RegexError('too large once translated: not supported')
    return pattern
  }

  /** The one text that a pattern matches; null where there may be others. */
  #literal(node: Node): string | null {
    switch (node.type) {
      case 'character': {
        // A lone surrogate is found by code units inside of a pair, by code points not.
        const isSurrogate = node.code >= 0xd800 && node.code <= 0xdfff
        if (isSurrogate || this.#cases.of(node.code, node.flags).length > 1) return null
        return String.fromCodePoint(node.code)
      }
      case 'sequence': {
        const texts = node.items.map((item) => this.#literal(item))
        return texts.includes(null) ? null : texts.join('')
      }
      case 'group':
        return this.#literal(node.body)
      default:
        return null
    }
  }
}
