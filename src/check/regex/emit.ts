import type { Cases } from './cases.ts'
import { RegexError } from './regexError.ts'
import type { Anchor, Category, Flags, Node, Range, Repeat } from './tree.ts'
import { children } from './tree.ts'

/** A pattern for `new RegExp(source, flags)`. */
export interface JavaScriptPattern {
  readonly source: string
  readonly flags: string
}

/** What a category is inside of a set; null: it cannot be written there. */
type CategorySources = Readonly<Record<Exclude<Category, 'W'>, string>> & { readonly W: string | null }

/** Each was compared with Python 3.11 for all code points. */
const unicodeCategories: CategorySources = {
  d: String.raw`\p{Nd}`,
  D: String.raw`\P{Nd}`,
  w: String.raw`\p{L}\p{N}_`,
  W: null,
  s: String.raw`\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000`,
  S:
    String.raw`\0-\x08\x0e-\x1b!-\x84\x86-\x9f\xa1-\u167f\u1681-\u1fff\u200b-\u2027\u202a-\u202e\u2030-\u205e` +
    String.raw`\u2060-\u2fff\u3001-\u{10ffff}`,
}
const asciiCategories: CategorySources = {
  d: '0-9',
  D: String.raw`\0-/:-\u{10ffff}`,
  w: '0-9A-Z_a-z',
  W: String.raw`\0-/:-@\[-\^\x60\{-\u{10ffff}`,
  s: String.raw`\t-\r\x20`,
  S: String.raw`\0-\x08\x0e-\x1f!-\u{10ffff}`,
}

/**
 * Writes a resolved tree in JavaScript's syntax: u for code points, s for a dot that is any character.
 *
 * Not v, though its sets could hold `\W` as Python's do: V8 11.3 (Node 20) compiles a repeated negated set wrongly under
 * v. `/(?:[^x]a)+/v` matched "xa" and not "ya", `/[^]{2}/v` matched one character.
 */
export function emit(root: Node, cases: Cases): JavaScriptPattern {
  return new Emitter(cases).emit(root)
}

class Emitter {
  readonly #cases: Cases
  readonly #referenced = new Set<number>()
  /** Numbers in JavaScript's pattern of the copies of a group. */
  readonly #copies = new Map<number, number[]>()
  #captures = 0
  #ignoreCase = false

  constructor(cases: Cases) {
    this.#cases = cases
  }

  emit(root: Node): JavaScriptPattern {
    this.#findReferences(root)
    if (this.#ignoreCase) this.#checkIgnoreCase(root)
    return { source: this.#write(root), flags: this.#ignoreCase ? 'isu' : 'su' }
  }

  #findReferences(node: Node): void {
    if (node.type === 'reference') {
      this.#referenced.add(node.group)
      this.#ignoreCase ||= node.flags.ignoreCase
    }
    for (const child of children(node)) this.#findReferences(child)
  }

  /** Only JavaScript's flag i makes a reference ignore case, and it holds for the whole pattern and all of Unicode. */
  #checkIgnoreCase(node: Node): void {
    if ('flags' in node && node.type !== 'anchor' && node.type !== 'any') {
      if (node.flags.ascii) throw new RegexError('a reference that ignores case together with (?a) is not supported')
      if (!node.flags.ignoreCase) {
        throw new RegexError('a reference that ignores case beside parts that do not is not supported')
      }
    }
    for (const child of children(node)) this.#checkIgnoreCase(child)
  }

  #write(node: Node): string {
    switch (node.type) {
      case 'character': {
        const codes = this.#cases.of(node.code, node.flags)
        return codes.length === 1 ? escaped(node.code) : `[${codes.map(escaped).join('')}]`
      }
      case 'set':
        return this.#set(node)
      case 'any':
        return node.flags.dotAll ? '.' : '[^\\n]'
      case 'anchor':
        return anchorSource(node.anchor, node.flags)
      case 'sequence':
        return node.items.map((item) => this.#write(item)).join('')
      case 'choice':
        return `(?:${node.alternatives.map((alternative) => this.#write(alternative)).join('|')})`
      case 'group':
        return this.#group(node)
      case 'repeat':
        return this.#operand(node.body) + quantifier(node)
      case 'atomic': {
        // A lookahead is never entered again, and what it captured is then taken as it is.
        const capture = ++this.#captures
        return `(?:(?=(${this.#write(node.body)}))\\${capture})`
      }
      case 'look':
        return this.#look(node)
      case 'reference':
        // Of several copies at most one is set, and in JavaScript the others match the empty text.
        return `(?:${(this.#copies.get(node.group) ?? []).map((capture) => `\\${capture}`).join('')})`
      case 'conditional':
        throw new Error('a conditional was left in the tree')
      case 'never':
        return '(?!)'
    }
  }

  #group({ group, body }: Node & { type: 'group' }): string {
    if (!this.#referenced.has(group)) return `(?:${this.#write(body)})`
    const capture = ++this.#captures
    const source = `(${this.#write(body)})`
    const copies = this.#copies.get(group)
    if (copies) copies.push(capture)
    else this.#copies.set(group, [capture])
    return source
  }

  #look({ behind, negated, body }: Node & { type: 'look' }): string {
    const sign = negated ? '!' : '='
    if (!behind) return `(?${sign}${this.#write(body)})`
    if (this.#readsBackwards(body)) return `(?<${sign}${this.#write(body)})`
    // JavaScript matches a lookbehind from its end. Python goes back by its width and matches from there.
    return `(?<${sign}(?=${this.#write(body)}).{${body.width[0]}})`
  }

  /** Whether a lookbehind gives the same from its end as from its start: without captures no order matters. */
  #readsBackwards(node: Node): boolean {
    if (node.type === 'reference' || node.type === 'atomic') return false
    if (node.type === 'group' && this.#referenced.has(node.group)) return false
    return children(node).every((child) => this.#readsBackwards(child))
  }

  #operand(node: Node): string {
    const source = this.#write(node)
    return node.type === 'character' || node.type === 'set' || node.type === 'any' ? source : `(?:${source})`
  }

  #set({ negated, ranges, categories, flags }: Node & { type: 'set' }): string {
    const all: readonly Range[] = [...ranges, ...this.#cases.beyond(ranges, flags)]
    const codes = all.map(([first, last]) => (first === last ? escaped(first) : `${escaped(first)}-${escaped(last)}`))
    const sources = flags.ascii ? asciiCategories : unicodeCategories
    const inside = codes.join('') + categories.map((category) => sources[category] ?? '').join('')
    if (sources.W !== null || !categories.includes('W')) return `[${negated ? '^' : ''}${inside}]`
    // Everything but words has no name that could stand in a set.
    if (inside === '') return negated ? `[${sources.w}]` : `[^${sources.w}]`
    return negated ? `(?:(?![${inside}])[${sources.w}])` : `(?:[^${sources.w}]|[${inside}])`
  }
}

function anchorSource(anchor: Anchor, flags: Flags): string {
  const word = `[${(flags.ascii ? asciiCategories : unicodeCategories).w}]`
  switch (anchor) {
    case 'A':
      return '^'
    case 'Z':
      return '$'
    case '^':
      return flags.multiline ? '(?<![^\\n])' : '^'
    case '$':
      // Without (?m) also before a newline at the very end.
      return flags.multiline ? '(?![^\\n])' : '(?=\\n?$)'
    case 'b':
      return `(?:(?<=${word})(?!${word})|(?<!${word})(?=${word}))`
    case 'B':
      // Python finds no \B in the empty text.
      return `(?:(?<=${word})(?=${word})|(?<!${word})(?!${word})(?:(?=.)|(?<=.)))`
  }
}

function quantifier({ least, most, kind }: Repeat): string {
  const lazy = kind === 'lazy' ? '?' : ''
  if (least === 0 && most === 1) return `?${lazy}`
  if (most !== Number.POSITIVE_INFINITY) return `{${least},${most}}${lazy}`
  return least === 0 ? `*${lazy}` : least === 1 ? `+${lazy}` : `{${least},}${lazy}`
}

/** Letters and digits as they are. A surrogate, always alone here, must not meet its other half. */
function escaped(code: number): string {
  const isPlain = /^[0-9A-Za-z]$/.test(String.fromCodePoint(code))
  return isPlain ? String.fromCodePoint(code) : `\\u{${code.toString(16)}}`
}
