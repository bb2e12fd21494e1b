import { isCategory, readEscape } from './escapes.ts'
import { noFlags } from './flags.ts'
import { readHead, readReference, type State } from './groups.ts'
import { RegexError } from './regexError.ts'
import { readSet } from './sets.ts'
import { Tokens } from './tokens.ts'
import type { Anchor, Flags, Node, Repeat } from './tree.ts'
import * as tree from './tree.ts'

/** Python gives up a little below 500 (its stack): a pattern nested deeper than this is refused. */
const mostNesting = 480

/** Python's MAXREPEAT. */
const mostRepeats = 4_294_967_295

/**
 * Reads a pattern as Python 3.11's `re` does (Lib/re/_parser.py), with its reasons where it refuses.
 * @throws RegexError
 */
export function parse(pattern: string): Node {
  const tokens = new Tokens(pattern)
  const state: State = {
    tokens,
    flags: noFlags,
    letters: '',
    names: new Map(),
    widths: [null],
    groupsBeforeLookbehind: null,
    conditionals: new Map(),
  }
  const root = readAlternatives(state, noFlags, 0)
  if (state.letters.includes('a') && state.letters.includes('u')) {
    throw new RegexError('ASCII and UNICODE flags are incompatible')
  }
  if (tokens.next !== null) throw tokens.error('unbalanced parenthesis')
  for (const [group, position] of state.conditionals) {
    if (group >= state.widths.length) throw tokens.errorAt(`invalid group reference ${group}`, position)
  }
  checkLookbehinds(root)
  return root
}

function readAlternatives(state: State, flags: Flags, nesting: number): Node {
  if (nesting > mostNesting) throw new RegexError(`nested more than ${mostNesting} levels deep`)
  const alternatives: Node[] = []
  do {
    // At the top `(?i)` may just have set the flags; further in they are the group's own.
    const here = nesting === 0 ? state.flags : flags
    alternatives.push(readSequence(state, here, nesting, nesting === 0 && alternatives.length === 0))
  } while (state.tokens.match('|'))
  return alternatives.length === 1 && alternatives[0] ? alternatives[0] : tree.choice(alternatives)
}

/** `first`: global flags are allowed, before anything else. */
function readSequence(state: State, outerFlags: Flags, nesting: number, first = false): Node {
  const { tokens } = state
  let flags = outerFlags
  const items: Node[] = []
  while (tokens.next !== null && tokens.next !== '|' && tokens.next !== ')') {
    const start = tokens.position
    const token = tokens.take() ?? ''
    if (flags.verbose && skipVerbose(tokens, token)) continue
    const repeat = readQuantifier(tokens, token, start)
    if (repeat) {
      items.push(repeated(tokens, items.pop(), repeat, start))
    } else if (token === '(') {
      const head = readHead(state, flags, start)
      if (head.type === 'flags') {
        if (!first || items.length > 0) {
          throw tokens.errorAt('global flags not at the start of the expression', start)
        }
        flags = state.flags
      } else if (head.type === 'reference') {
        items.push(head.node)
      } else if (head.type !== 'comment') {
        items.push(readGroup(state, flags, head, nesting, start))
      }
    } else {
      items.push(readItem(state, flags, token))
    }
  }
  return tree.sequence(items)
}

function readItem(state: State, flags: Flags, token: string): Node {
  if (token === '.') return tree.any(flags)
  if (token === '^' || token === '$') return tree.anchor(token, flags)
  if (token === '[') return readSet(state.tokens, flags)
  if (!token.startsWith('\\')) return tree.character(token.codePointAt(0) ?? 0, flags)
  const letter = token.slice(1)
  if (isCategory(letter)) return tree.set(false, [], [letter], flags)
  if (isAnchor(letter)) return tree.anchor(letter, flags)
  const read = readEscape(state.tokens, token)
  if ('code' in read) return tree.character(read.code, flags)
  if (read.group >= state.widths.length) {
    throw state.tokens.error(`invalid group reference ${read.group}`, read.text.length - 1)
  }
  return readReference(state, flags, read.group, read.text.length)
}

type OpenHead = Exclude<ReturnType<typeof readHead>, { type: 'flags' | 'reference' | 'comment' }>

/** A group's contents and its `)`. */
function readGroup(state: State, flags: Flags, head: OpenHead, nesting: number, start: number): Node {
  const close = () => {
    if (!state.tokens.match(')')) throw state.tokens.errorAt('missing ), unterminated subpattern', start)
  }
  if (head.type === 'conditional') {
    const yes = readSequence(state, flags, nesting + 1)
    const no = state.tokens.match('|') ? readSequence(state, flags, nesting + 1) : tree.empty
    if (state.tokens.next === '|') throw state.tokens.error('conditional backref with more than two branches')
    close()
    return tree.conditional(head.group, yes, no)
  }
  const outermostLookbehind = head.type === 'look' && head.behind && state.groupsBeforeLookbehind === null
  if (outermostLookbehind) state.groupsBeforeLookbehind = state.widths.length
  const body = readAlternatives(state, head.type === 'plain' ? head.flags : flags, nesting + 1)
  if (outermostLookbehind) state.groupsBeforeLookbehind = null
  close()
  switch (head.type) {
    case 'capture':
      state.widths[head.group] = body.width
      return tree.group(head.group, body)
    case 'atomic':
      return tree.atomic(body)
    case 'look':
      return tree.look(head.behind, head.negated, body)
    case 'plain':
      // Never the bare item: in `(?:a*)*` and `(?:^)*` the group is what is repeated.
      return tree.sequence([body])
  }
}

type Quantifier = Pick<Repeat, 'least' | 'most'>

/** Null: the token is no quantifier, as the brace of `{x}`. */
function readQuantifier(tokens: Tokens, token: string, start: number): Quantifier | null {
  if (token === '?') return { least: 0, most: 1 }
  if (token === '*') return { least: 0, most: Number.POSITIVE_INFINITY }
  if (token === '+') return { least: 1, most: Number.POSITIVE_INFINITY }
  if (token !== '{' || tokens.next === '}') return null
  const low = tokens.takeWhile('0123456789')
  const high = tokens.match(',') ? tokens.takeWhile('0123456789') : low
  if (!tokens.match('}')) {
    tokens.seek(start + 1)
    return null
  }
  const least = low === '' ? 0 : Number(low)
  const most = high === '' ? Number.POSITIVE_INFINITY : Number(high)
  if (least >= mostRepeats || (high !== '' && most >= mostRepeats)) {
    throw new RegexError('the repetition number is too large')
  }
  if (most < least) throw tokens.errorAt('min repeat greater than max repeat', start + 1)
  return { least, most }
}

function repeated(tokens: Tokens, item: Node | undefined, { least, most }: Quantifier, start: number): Node {
  if (!item || item.type === 'anchor') throw tokens.errorAt('nothing to repeat', start)
  if (item.type === 'repeat') throw tokens.errorAt('multiple repeat', start)
  const kind = tokens.match('?') ? 'lazy' : tokens.match('+') ? 'possessive' : 'greedy'
  return tree.repeat(least, most, kind, item)
}

/** In `(?x)`: whitespace, and comments to the end of the line. */
function skipVerbose(tokens: Tokens, token: string): boolean {
  if (' \t\n\r\v\f'.includes(token)) return true
  if (token !== '#') return false
  let skipped = tokens.take()
  while (skipped !== null && skipped !== '\n') skipped = tokens.take()
  return true
}

function checkLookbehinds(node: Node): void {
  if (node.type === 'look' && node.behind) {
    const [least, most] = node.body.width
    if (least > 0xffff_ffff) throw new RegexError('looks too much behind')
    if (least !== most) throw new RegexError('look-behind requires fixed-width pattern')
  }
  for (const child of tree.children(node)) checkLookbehinds(child)
}

function isAnchor(letter: string): letter is Anchor {
  return letter.length === 1 && 'AZbB'.includes(letter)
}
