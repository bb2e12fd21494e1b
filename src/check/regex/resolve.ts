import { RegexError } from './regexError.ts'
import * as tree from './tree.ts'
import type { Node, Repeat } from './tree.ts'

/** One way through a node, and the groups that are set after it. */
interface Way {
  readonly node: Node
  readonly set: ReadonlySet<number>
}

/** So many steps are enough for any honest pattern; each group that may stay unset can double them. */
const mostSteps = 30_000

/**
 * Rewrites a pattern so that JavaScript's rules for captures give what Python's give.
 *
 * In JavaScript a reference to a group that is not set matches the empty text, in Python nothing, and JavaScript has no
 * conditionals. So where a group may be set or not, the rest of the pattern is written twice, and in each copy it is
 * known which. `(a)?b\1` becomes `(?:(a)b\1|b<never>)`, `(a)?(?(1)b|c)` becomes `(?:(a)b|c)`.
 *
 * Where that cannot be exact the pattern is refused: JavaScript forgets captures at each turn of a repeat, Python keeps
 * the older ones, and JavaScript does not take an empty turn.
 * @throws RegexError
 */
export function resolve(root: Node): Node {
  return new Resolver(root).resolve()
}

class Resolver {
  readonly #root: Node
  readonly #references: ReadonlyMap<number, number>
  readonly #countsOf = new WeakMap<Node, ReadonlyMap<number, number>>()
  readonly #groupsOf = new WeakMap<Node, ReadonlySet<number>>()
  /** Groups that were taken as unset somewhere. */
  readonly #takenAsUnset = new Set<number>()
  #steps = 0

  constructor(root: Node) {
    this.#root = root
    this.#references = this.#referencesIn(root)
  }

  resolve(): Node {
    const ways = this.#ways(this.#root, new Set(), false)
    return ways.length === 1 && ways[0] ? ways[0].node : tree.choice(ways.map((way) => way.node))
  }

  /**
   * All ways through a node, best first. `committed`: of these ways only the best that fits is ever tried, as in an
   * atomic group, so that their order must be Python's.
   */
  #ways(node: Node, set: ReadonlySet<number>, committed: boolean): Way[] {
    if (++this.#steps > mostSteps) throw new RegexError('too many groups that may be unset and are referred to')
    return this.#merge(node, this.#rawWays(node, set, committed), committed)
  }

  #rawWays(node: Node, set: ReadonlySet<number>, committed: boolean): Way[] {
    switch (node.type) {
      case 'sequence':
        return this.#sequence(node, 0, set, committed)
      case 'choice':
        return node.alternatives.flatMap((alternative) => this.#ways(alternative, set, committed))
      case 'group':
        return this.#ways(node.body, set, committed).map((way) => ({
          node: this.#references.has(node.group) ? tree.group(node.group, way.node) : way.node,
          set: new Set([...way.set, node.group]),
        }))
      case 'reference':
        return [{ node: this.#isSet(node.group, set) ? node : tree.never, set }]
      case 'conditional':
        return this.#ways(this.#isSet(node.group, set) ? node.yes : node.no, set, committed)
      case 'repeat':
        return this.#repeat(node, set, committed)
      case 'atomic':
        return [this.#committed(node.body, set, tree.atomic)]
      case 'look':
        return [this.#look(node, set)]
      default:
        return [{ node, set }]
    }
  }

  #isSet(group: number, set: ReadonlySet<number>): boolean {
    if (set.has(group)) return true
    this.#takenAsUnset.add(group)
    return false
  }

  #sequence(node: Node & { type: 'sequence' }, from: number, start: ReadonlySet<number>, committed: boolean): Way[] {
    const before: Node[] = []
    let set = start
    for (let index = from; index < node.items.length; index++) {
      const ways = this.#ways(node.items[index] ?? tree.empty, set, committed)
      if (ways.length === 1 && ways[0]) {
        before.push(ways[0].node)
        set = ways[0].set
        continue
      }
      const whole = ways.flatMap((way) =>
        this.#sequence(node, index + 1, way.set, committed).map((rest) => {
          this.#steps += node.items.length - index
          return { node: tree.sequence([way.node, rest.node]), set: rest.set }
        }),
      )
      const merged = this.#merge(node, whole, committed)
      // What stands before would be tried once for each way, all of the first way first: another order.
      if (committed && merged.length > 1 && before.length > 0) throw notInCommitted()
      return merged.map((way) => ({ node: tree.sequence([...before, way.node]), set: way.set }))
    }
    return [{ node: tree.sequence(before), set }]
  }

  #look(node: Node & { type: 'look' }, set: ReadonlySet<number>): Way {
    const again = (body: Node) => tree.look(node.behind, node.negated, body)
    const outside = this.#referencedOutside(node)
    if (node.negated && outside.length > 0) {
      throw new RegexError(`group ${outside[0]} is inside a negative lookaround and referred to outside: not supported`)
    }
    if (outside.length > 0) return this.#committed(node.body, set, again)
    const ways = this.#ways(node.body, set, false)
    return { node: again(either(ways)), set }
  }

  #committed(body: Node, set: ReadonlySet<number>, make: (body: Node) => Node): Way {
    const ways = this.#ways(body, set, true)
    const [only] = ways
    if (ways.length > 1 || !only) throw notInCommitted()
    return { node: make(only.node), set: only.set }
  }

  #repeat(node: Node & Repeat, set: ReadonlySet<number>, committed: boolean): Way[] {
    const { least, most, kind, body } = node
    if (most === 0) return [{ node: tree.empty, set }]
    if (kind === 'possessive') {
      // Python commits to each turn, and to the whole.
      const turn = body.type === 'sequence' || tree.children(body).length > 0 ? tree.atomic(body) : body
      return this.#ways(tree.atomic(tree.repeat(least, most, 'greedy', turn)), set, committed)
    }
    const skipped = { node: tree.empty, set }
    const outside = this.#referencedOutside(node)
    if (most === 1 && outside.length > 0) {
      const ways = this.#ways(body, set, committed)
      if (least === 1) return ways
      return kind === 'greedy' ? [...ways, skipped] : [skipped, ...ways]
    }
    if (committed && most > 1 && body.width[0] === 0 && !prefersText(body)) {
      throw new RegexError('a repeat in an atomic group whose inside prefers the empty text is not supported')
    }
    const ways = this.#ways(body, set, committed)
    const [turn] = ways
    const unsure = [...this.#groupsIn(body)].filter((group) => this.#takenAsUnset.has(group))
    if (!turn || ways.length > 1 || unsure.length > 0) {
      const groups = [...outside, ...unsure].join(', ')
      throw new RegexError(`not every turn of the repeat around group ${groups} sets it: not supported`)
    }
    if (outside.length === 0) return [{ node: tree.repeat(least, most, kind, turn.node), set }]
    if (body.width[0] === 0 && least !== most) {
      throw new RegexError(`group ${outside[0]} is inside a repeat that may match the empty text: not supported`)
    }
    const some = { node: tree.repeat(Math.max(least, 1), most, kind, turn.node), set: turn.set }
    if (least > 0) return [some]
    return kind === 'greedy' ? [some, skipped] : [skipped, some]
  }

  /** Joins the ways after which nothing that is still asked for differs. */
  #merge(node: Node, ways: readonly Way[], committed: boolean): Way[] {
    const asked = new Set(this.#referencedOutside(node))
    const inside = this.#groupsIn(node)
    const merged = new Map<string, Way[]>()
    for (const way of ways) {
      const set = new Set([...way.set].filter((group) => !inside.has(group) || asked.has(group)))
      const key = [...set].sort().join()
      merged.set(key, [...(merged.get(key) ?? []), { node: way.node, set }])
    }
    if (committed && merged.size > 1 && merged.size < ways.length) throw notInCommitted()
    return [...merged.values()].map((same) => ({ node: either(same), set: same[0]?.set ?? new Set() }))
  }

  #referencedOutside(node: Node): number[] {
    const inside = this.#referencesIn(node)
    const all = (group: number) => this.#references.get(group) ?? 0
    return [...this.#groupsIn(node)].filter((group) => all(group) > (inside.get(group) ?? 0))
  }
}
