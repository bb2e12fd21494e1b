/** Flags that hold at a place of the pattern; `(?i:...)` changes them for its inside. */
export interface Flags {
  readonly ignoreCase: boolean
  readonly multiline: boolean
  readonly dotAll: boolean
  readonly verbose: boolean
  readonly ascii: boolean
}

/** `\d`, `\w`, `\s`, or in upper case everything else. */
export type Category = 'd' | 'D' | 'w' | 'W' | 's' | 'S'

/** Code points from the first to the last. */
export type Range = readonly [first: number, last: number]

/** Fewest and most characters that a node can match. */
export type Width = readonly [least: number, most: number]

/** A pattern as a tree, as Python's parser sees it. Each node knows its width. */
export type Node = { readonly width: Width } & (
  | { readonly type: 'character'; readonly code: number; readonly flags: Flags }
  | {
      readonly type: 'set'
      readonly negated: boolean
      readonly ranges: readonly Range[]
      readonly categories: readonly Category[]
      readonly flags: Flags
    }
  | { readonly type: 'any'; readonly flags: Flags }
  | { readonly type: 'anchor'; readonly anchor: Anchor; readonly flags: Flags }
  | { readonly type: 'sequence'; readonly items: readonly Node[] }
  | { readonly type: 'choice'; readonly alternatives: readonly Node[] }
  | { readonly type: 'group'; readonly group: number; readonly body: Node }
  | Repeat
  | { readonly type: 'atomic'; readonly body: Node }
  | { readonly type: 'look'; readonly behind: boolean; readonly negated: boolean; readonly body: Node }
  | { readonly type: 'reference'; readonly group: number; readonly flags: Flags }
  | { readonly type: 'conditional'; readonly group: number; readonly yes: Node; readonly no: Node }
  | { readonly type: 'never' }
)

export type Anchor = '^' | '$' | 'A' | 'Z' | 'b' | 'B'

export interface Repeat {
  readonly type: 'repeat'
  readonly least: number
  /** Infinity: without a bound. */
  readonly most: number
  readonly kind: 'greedy' | 'lazy' | 'possessive'
  readonly body: Node
}

/** Python's own bound, above which it counts no further. */
const mostWidth = 2 ** 64
const one: Width = [1, 1]
const zero: Width = [0, 0]

export const character = (code: number, flags: Flags): Node => ({ type: 'character', code, flags, width: one })

export function set(negated: boolean, ranges: readonly Range[], categories: readonly Category[], flags: Flags): Node {
  return { type: 'set', negated, ranges, categories, flags, width: one }
}

export const any = (flags: Flags): Node => ({ type: 'any', flags, width: one })

export const anchor = (name: Anchor, flags: Flags): Node => ({ type: 'anchor', anchor: name, flags, width: zero })

export function sequence(items: readonly Node[]): Node {
  let [least, most] = [0, 0]
  for (const { width } of items) {
    least += width[0]
    most += width[1]
  }
  return { type: 'sequence', items, width: bounded(least, most) }
}

export const empty = sequence([])

export function choice(alternatives: readonly Node[]): Node {
  let [least, most] = [mostWidth, 0]
  for (const { width } of alternatives) {
    least = Math.min(least, width[0])
    most = Math.max(most, width[1])
  }
  return { type: 'choice', alternatives, width: [least, most] }
}

export const group = (number: number, body: Node): Node => ({ type: 'group', group: number, body, width: body.width })

export function repeat(least: number, most: number, kind: Repeat['kind'], body: Node): Node {
  const [bodyLeast, bodyMost] = body.width
  const width = bounded(bodyLeast * least, bodyMost === 0 ? 0 : bodyMost * most)
  return { type: 'repeat', least, most, kind, body, width }
}

export const atomic = (body: Node): Node => ({ type: 'atomic', body, width: body.width })

export function look(behind: boolean, negated: boolean, body: Node): Node {
  return { type: 'look', behind, negated, body, width: zero }
}

export function reference(number: number, flags: Flags, width: Width): Node {
  return { type: 'reference', group: number, flags, width }
}

export function conditional(number: number, yes: Node, no: Node): Node {
  return { type: 'conditional', group: number, yes, no, width: choice([yes, no]).width }
}

/** What matches nowhere. */
export const never: Node = { type: 'never', width: zero }

export function children(node: Node): readonly Node[] {
  switch (node.type) {
    case 'sequence':
      return node.items
    case 'choice':
      return node.alternatives
    case 'group':
    case 'repeat':
    case 'atomic':
    case 'look':
      return [node.body]
    case 'conditional':
      return [node.yes, node.no]
    default:
      return []
  }
}

/** Whether the empty text, if the node matches it, is the last that it tries. */
export function triesEmptyLast(node: Node): boolean {
  if (node.width[0] > 0) return true
  switch (node.type) {
    case 'sequence':
      return node.items.every(triesEmptyLast)
    case 'choice':
      return node.alternatives.every((alternative, index) =>
        index === node.alternatives.length - 1 ? triesEmptyLast(alternative) : alternative.width[0] > 0,
      )
    case 'group':
      return triesEmptyLast(node.body)
    case 'repeat':
      return node.kind === 'possessive' || (node.kind === 'greedy' && triesEmptyLast(node.body))
    case 'conditional':
      return triesEmptyLast(node.yes) && triesEmptyLast(node.no)
    default:
      return true
  }
}

function bounded(least: number, most: number): Width {
  return [Math.min(least, mostWidth), Math.min(most, mostWidth)]
}
