import { changed, readFlags, startsFlags } from './flags.ts'
import { length, type Tokens } from './tokens.ts'
import { type Flags, type Node, reference, type Width } from './tree.ts'

/** What the parser carries along. */
export interface State {
  readonly tokens: Tokens
  /** Flags of the whole pattern, and their letters: `(?i)` at its start. */
  flags: Flags
  letters: string
  readonly names: Map<string, number>
  /** By group number: its width, null while it is open. */
  readonly widths: (Width | null)[]
  /** Inside a lookbehind: how many groups there were when it began. */
  groupsBeforeLookbehind: number | null
  /** Conditionals may name a group that comes later: where the first of each stands. */
  readonly conditionals: Map<number, number>
}

/** What stands between a `(` and its contents. */
export type Head =
  | { readonly type: 'capture'; readonly group: number }
  | { readonly type: 'plain'; readonly flags: Flags }
  | { readonly type: 'atomic' }
  | { readonly type: 'look'; readonly behind: boolean; readonly negated: boolean }
  | { readonly type: 'conditional'; readonly group: number }
  /** Complete already: `(?P=name)`. */
  | { readonly type: 'reference'; readonly node: Node }
  | { readonly type: 'comment' }
  /** Flags for the whole pattern, now in the state. */
  | { readonly type: 'flags' }

/** Reads what follows a `(` that has been taken, at `start`. */
export function readHead(state: State, flags: Flags, start: number): Head {
  const { tokens } = state
  if (!tokens.match('?')) return { type: 'capture', group: openGroup(state, null) }
  const token = takeOrFail(tokens, 'unexpected end of pattern')
  switch (token) {
    case 'P':
      return readNamed(state, flags)
    case ':':
      return { type: 'plain', flags }
    case '#':
      for (;;) {
        if (tokens.next === null) throw tokens.errorAt('missing ), unterminated comment', start)
        if (tokens.take() === ')') return { type: 'comment' }
      }
    case '=':
    case '!':
      return { type: 'look', behind: false, negated: token === '!' }
    case '<': {
      const kind = takeOrFail(tokens, 'unexpected end of pattern')
      if (kind !== '=' && kind !== '!') throw tokens.error(`unknown extension ?<${kind}`, length(kind) + 2)
      return { type: 'look', behind: true, negated: kind === '!' }
    }
    case '(':
      return { type: 'conditional', group: readCondition(state) }
    case '>':
      return { type: 'atomic' }
    default: {
      if (!startsFlags(token)) throw tokens.error(`unknown extension ?${token}`, length(token) + 1)
      const letters = readFlags(tokens, token)
      if (!letters.global) return { type: 'plain', flags: changed(flags, letters) }
      state.flags = changed(state.flags, letters)
      state.letters += letters.added
      return { type: 'flags' }
    }
  }
}

function readNamed(state: State, flags: Flags): Head {
  const { tokens } = state
  if (tokens.match('<')) {
    const name = tokens.takeUntil('>', 'group name')
    checkName(tokens, name)
    return { type: 'capture', group: openGroup(state, name) }
  }
  if (tokens.match('=')) {
    const name = tokens.takeUntil(')', 'group name')
    checkName(tokens, name)
    const group = state.names.get(name)
    if (group === undefined) throw tokens.error(`unknown group name ${quoted(name)}`, length(name) + 1)
    return { type: 'reference', node: readReference(state, flags, group, length(name) + 1) }
  }
  const token = takeOrFail(tokens, 'unexpected end of pattern')
  throw tokens.error(`unknown extension ?P${token}`, length(token) + 2)
}

/** A reference to a group that must be closed; `back` is how far before the next token it began. */
export function readReference(state: State, flags: Flags, group: number, back: number): Node {
  const width = state.widths[group]
  if (!width) throw state.tokens.error('cannot refer to an open group', back)
  checkLookbehind(state, group)
  return reference(group, flags, width)
}

function readCondition(state: State): number {
  const { tokens } = state
  const name = tokens.takeUntil(')', 'group name')
  const back = length(name) + 1
  let group = state.names.get(name)
  if (group === undefined) {
    if (identifier.test(name)) throw tokens.error(`unknown group name ${quoted(name)}`, back)
    if (!/^[0-9]+$/.test(name)) throw tokens.error(`bad character in group name ${quoted(name)}`, back)
    group = Number(name)
    if (group === 0) throw tokens.error('bad group number', back)
    if (group >= mostGroups) throw tokens.error(`invalid group reference ${group}`, back)
    if (!state.conditionals.has(group)) state.conditionals.set(group, tokens.position - back)
  }
  checkLookbehind(state, group)
  return group
}

function checkLookbehind({ tokens, widths, groupsBeforeLookbehind }: State, group: number): void {
  if (groupsBeforeLookbehind === null) return
  if (!widths[group]) throw tokens.error('cannot refer to an open group')
  if (group >= groupsBeforeLookbehind) {
    throw tokens.error('cannot refer to group defined in the same lookbehind subpattern')
  }
}

function openGroup({ tokens, names, widths }: State, name: string | null): number {
  const group = widths.length
  widths.push(null)
  if (name === null) return group
  const other = names.get(name)
  if (other !== undefined) {
    const reason = `redefinition of group name ${quoted(name)} as group ${group}; was group ${other}`
    throw tokens.error(reason, length(name) + 1)
  }
  names.set(name, group)
  return group
}

/** Python's MAXGROUPS on a 64-bit machine. */
const mostGroups = 1_073_741_823

const identifier = /^[\p{XID_Start}_]\p{XID_Continue}*$/u

function checkName(tokens: Tokens, name: string): void {
  if (!identifier.test(name)) throw tokens.error(`bad character in group name ${quoted(name)}`, length(name) + 1)
}

/** As Python's repr() quotes. */
function quoted(text: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'"
  const escaped = text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('\r', '\\r').replaceAll('\t', '\\t')
  return quote + (quote === "'" ? escaped.replaceAll("'", "\\'") : escaped) + quote
}

function takeOrFail(tokens: Tokens, reason: string): string {
  const token = tokens.take()
  if (token === null) throw tokens.error(reason)
  return token
}
