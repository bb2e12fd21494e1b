import type { Node } from './tree.ts'
import * as tree from './tree.ts'

/** Where a node begins and ends, counted in nodes; `plain`: nothing in it needs rewriting. */
interface Place {
  readonly from: number
  readonly to: number
  readonly plain: boolean
}

/** A group that is referred to: where it stands, and its first and last reference. */
interface Referenced {
  at: number
  first: number
  last: number
}

/** Where the groups of a pattern stand, and from where they are referred to. */
export class References {
  readonly #places = new Map<Node, Place>()
  readonly #referenced = new Map<number, Referenced>()

  /** @param onWork told of steps that take time */
  constructor(
    root: Node,
    private readonly onWork: (steps: number) => void,
  ) {
    this.#findReferences(root, { count: 0 })
    this.#place(root, { count: 0 })
  }

  /** Whether nothing in it needs rewriting. */
  isPlain(node: Node): boolean {
    return this.#places.get(node)?.plain === true
  }

  isReferenced(group: number): boolean {
    return this.#referenced.has(group)
  }

  /** The groups inside that are referred to anywhere. */
  groupsIn(node: Node): number[] {
    const place = this.#places.get(node)
    if (!place || this.#referenced.size === 0) return []
    this.onWork(this.#referenced.size)
    return [...this.#referenced].filter(([, { at }]) => at >= place.from && at < place.to).map(([group]) => group)
  }

  /** Of these the ones that are referred to from outside of the node. */
  referencedOutside(node: Node): number[] {
    const place = this.#places.get(node)
    const isOutside = (at: number) => place !== undefined && (at < place.from || at >= place.to)
    return this.groupsIn(node).filter((group) => {
      const referenced = this.#referenced.get(group)
      return referenced !== undefined && (isOutside(referenced.first) || isOutside(referenced.last))
    })
  }

  #findReferences(node: Node, at: { count: number }): void {
    const here = at.count++
    if (node.type === 'reference' || node.type === 'conditional') {
      const known = this.#referenced.get(node.group)
      if (known) known.last = here
      else this.#referenced.set(node.group, { at: -1, first: here, last: here })
    }
    for (const child of tree.children(node)) this.#findReferences(child, at)
  }

  /** Needs the references, which may stand before their groups. */
  #place(node: Node, at: { count: number }): boolean {
    const from = at.count++
    const referenced = node.type === 'group' ? this.#referenced.get(node.group) : undefined
    if (referenced) referenced.at = from
    let plain = !referenced && node.type !== 'reference' && node.type !== 'conditional' && node.type !== 'atomic'
    if (node.type === 'repeat' && node.kind === 'possessive') plain = false
    for (const child of tree.children(node)) plain = this.#place(child, at) && plain
    this.#places.set(node, { from, to: at.count, plain })
    return plain
  }
}
