import { References } from './references.ts'
import { RegexError } from './regexError.ts'
import type { Node, Repeat } from './tree.ts'
import * as tree from './tree.ts'

/** One way through a node, and the groups that are set after it. */
interface Way {
  readonly node: Node
  readonly set: ReadonlySet<number>
}

/** Some 10 ms. Honest patterns need a few hundred; each group that may stay unset can double the number. */
const mostSteps = 100_000

/**
 * Rewrites a pattern so that JavaScript's rules for captures give what Python's give.
 *
 * In JavaScript a reference to a group that is not set matches the empty text, in Python nothing, and JavaScript has no
 * conditionals. So where a group may be set or not, the rest of the pattern is written twice, and in each copy it is
 * known which. `(a)?b\1` becomes `(?:(a)b\1|b<never>)`, `(a)?(?(1)b|c)` becomes `(?:(a)b|c)`.
 *
 * Where that cannot be exact the pattern is refused: JavaScript forgets captures at each turn of a repeat where Python
 * keeps the older ones, and JavaScript does not take an empty turn.
 * @throws RegexError
 */
export function resolve(root: Node): Node {
  return new Resolver(root).resolve()
}

class Resolver {
  readonly #root: Node
  readonly #references: References
  /** Groups that were taken as unset somewhere. */
  readonly #takenAsUnset = new Set<number>()
  #steps = 0

  constructor(root: Node) {
    this.#root = root
    this.#references = new References(root, (steps) => this.#step(steps))
  }

  resolve(): Node {
    return either(this.#ways(this.#root, new Set(), false))
  }

  /**
   * All ways through a node, best first. `committed`: of these ways only the first that fits is ever tried, as in an
   * atomic group, so that their order must be Python's.
   */
  #ways(node: Node, set: ReadonlySet<number>, committed: boolean): Way[] {
    // Plain nodes may still hold a repeat whose order matters.
    if (this.#references.isPlain(node) && !committed) return [{ node, set }]
    this.#step(1)
    return this.#merge(node, this.#rawWays(node, set, committed), committed)
  }

  #rawWays(node: Node, set: ReadonlySet<number>, committed: boolean): Way[] {
    switch (node.type) {
      case 'sequence':
        return this.#sequence(node, 0, set, committed)
      case 'choice':
        return node.alternatives.flatMap((alternative) => this.#ways(alternative, set, committed))
      case 'group': {
        const ways = this.#ways(node.body, set, committed)
        if (!this.#references.isReferenced(node.group)) return ways
        return ways.map((way) => ({ node: tree.group(node.group, way.node), set: new Set(way.set).add(node.group) }))
      }
      case 'reference':
        return [{ node: this.#isSet(node.group, set) ? node : tree.never, set }]
      case 'conditional':
        return this.#ways(this.#isSet(node.group, set) ? node.yes : node.no, set, committed)
      case 'repeat':
        if (node.kind !== 'possessive') return this.#repeat(node, set, committed)
        return [only(this.#repeat(node, set, true), atomic)]
      case 'atomic':
        return [only(this.#ways(node.body, set, true), atomic)]
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
      this.#step(node.items.length)
      const whole = ways.flatMap((way) =>
        this.#sequence(node, index + 1, way.set, committed).map((rest) => {
          return { node: tree.sequence([way.node, rest.node]), set: rest.set }
        }),
      )
      const merged = this.#merge(node, whole, committed)
      // What stands before would be tried anew for each way, all of the first way first: another order.
      if (committed && merged.length > 1 && before.length > 0) throw unsureInside()
      return merged.map((way) => ({ node: tree.sequence([...before, way.node]), set: way.set }))
    }
    return [{ node: tree.sequence(before), set }]
  }

  #look(node: Node & { type: 'look' }, set: ReadonlySet<number>): Way {
    const again = (body: Node) => tree.look(node.behind, node.negated, body)
    const [outside] = this.#references.referencedOutside(node)
    if (outside === undefined) return { node: again(either(this.#ways(node.body, set, false))), set }
    if (!node.negated) return only(this.#ways(node.body, set, true), again)
    throw new RegexError(`group ${outside} is inside a negative lookaround and referred to outside: not supported`)
  }

  #repeat(node: Node & Repeat, set: ReadonlySet<number>, committed: boolean): Way[] {
    const { least, most, kind, body } = node
    if (most === 0) return [{ node: tree.empty, set }]
    const outside = this.#references.referencedOutside(node)
    const again = (from: number, turn: Node) => tree.repeat(from, most, kind === 'lazy' ? 'lazy' : 'greedy', turn)
    // Python commits to each turn of a possessive repeat, not only to the whole.
    const ways = kind === 'possessive' ? [only(this.#ways(body, set, true), atomic)] : this.#ways(body, set, committed)
    const orSkip = (turns: Way[]): Way[] => {
      const skipped = { node: tree.empty, set }
      if (least > 0) return turns
      return kind === 'lazy' ? [skipped, ...turns] : [...turns, skipped]
    }
    if (most === 1 && outside.length > 0) return orSkip(ways)
    if (committed && kind !== 'possessive' && body.width[0] === 0 && !tree.triesEmptyLast(body)) {
      throw new RegexError('a repeat in an atomic group whose inside tries the empty text first: not supported')
    }
    const [turn] = ways
    // Taken as unset in the first turn, a group may be set in the next.
    const unsure = most === 1 ? [] : this.#references.groupsIn(body).filter((group) => this.#takenAsUnset.has(group))
    if (!turn || ways.length > 1 || unsure.length > 0) {
      const group = unsure[0] ?? outside[0]
      throw new RegexError(
        `group ${group} is referred to, but not set at each turn of the repeat around it: not supported`,
      )
    }
    if (outside.length === 0) return [{ node: again(least, turn.node), set }]
    if (body.width[0] === 0 && least !== most) {
      throw new RegexError(
        `group ${outside[0]} is referred to, but inside a repeat of what may be empty: not supported`,
      )
    }
    return orSkip([{ node: again(Math.max(least, 1), turn.node), set: turn.set }])
  }

  /** Joins the ways after which nothing differs that is still asked for. */
  #merge(node: Node, ways: readonly Way[], committed: boolean): Way[] {
    const inside = this.#references.groupsIn(node)
    const forgotten = inside.filter((group) => !this.#references.referencedOutside(node).includes(group))
    const merged = new Map<string, Way[]>()
    for (const way of ways) {
      this.#step(way.set.size)
      const set = new Set(way.set)
      for (const group of forgotten) set.delete(group)
      const key = [...set].sort().join()
      const same = merged.get(key)
      if (same) same.push({ node: way.node, set })
      else merged.set(key, [{ node: way.node, set }])
    }
    if (committed && merged.size > 1 && merged.size < ways.length) throw unsureInside()
    return [...merged.values()].map((same) => ({ node: either(same), set: same[0]?.set ?? new Set() }))
  }

  #step(count: number): void {
    this.#steps += count
    if (this.#steps > mostSteps) throw new RegexError('too many references to groups, or groups that may stay unset')
  }
}

function either(ways: readonly Way[]): Node {
  return ways.length === 1 && ways[0] ? ways[0].node : tree.choice(ways.map((way) => way.node))
}

function only(ways: readonly Way[], make: (node: Node) => Node): Way {
  const [way] = ways
  if (!way || ways.length > 1) throw unsureInside()
  return { node: make(way.node), set: way.set }
}

/** One character leaves nothing to commit to. */
function atomic(body: Node): Node {
  return body.type === 'character' || body.type === 'set' || body.type === 'any' ? body : tree.atomic(body)
}

function unsureInside(): RegexError {
  return new RegexError('a group that may stay unset, inside an atomic group or lookaround: not supported')
}
