import { readFileSync } from 'node:fs'
import { load } from 'js-yaml'

/** What something costs, or what is chosen, with where the number comes from. */
export interface Cost {
  readonly value: number
  /** Empty: a plain number. */
  readonly unit: string
  readonly source: string
}

/** By name, as costs.yaml has them. */
export type Costs = ReadonlyMap<string, Cost>

export function readCosts(): Costs {
  const file = load(readFileSync(new URL('costs.yaml', import.meta.url), 'utf8'))
  return new Map(Object.entries(file as Record<string, Cost>))
}

/** @throws when there is no such cost */
export function costOf(costs: Costs, name: string): number {
  const cost = costs.get(name)
  if (cost === undefined) throw new Error(`${name} is no unit cost; there are ${[...costs.keys()].join(', ')}`)
  return cost.value
}

/**
 * Some of the costs in place of the usual ones.
 *
 * @param settings each as NAME=VALUE
 * @throws for one that cannot be taken
 */
export function withSettings(costs: Costs, settings: readonly string[]): Costs {
  const changed = new Map(costs)
  for (const setting of settings) {
    const [name = '', text = '', ...rest] = setting.split('=')
    costOf(costs, name)
    const value = text.trim() === '' || rest.length > 0 ? Number.NaN : Number(text)
    if (!(value >= 0 && value < Number.POSITIVE_INFINITY)) {
      throw new Error(`--set ${setting}: expected ${name}=NUMBER, such as ${name}=${costOf(costs, name)}`)
    }
    changed.set(name, { value, unit: costs.get(name)?.unit ?? '', source: 'yours' })
  }
  return changed
}
