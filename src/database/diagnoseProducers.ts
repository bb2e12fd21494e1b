import { type Finding, note, well, wrong } from '../finding.ts'
import type { Database } from './database.ts'
import { type Holder, readHolders } from './leases.ts'

/** Producers that live take over within so long; what is nobody's for longer is not checked. */
const takenWithinMs = 20_000

/** Who checks which share of the websites. Changes nothing. */
export async function diagnoseProducers(database: Database): Promise<Finding> {
  const holders = await readHolders(database)
  const part = 'producers'
  const living = holders.filter(({ name, livesForMs }) => name !== null && livesForMs >= 0)
  const text = holders.map(describe).join('; ')
  const isOverdue = ({ name, livesForMs, shards }: Holder) =>
    name !== null && shards.length > 0 && livesForMs < -takenWithinMs
  if (living.length === 0) return note(part, `none runs: ${text}`, 'start one: nothing is checked')
  if (holders.some(isOverdue)) {
    return wrong(part, text, 'nobody took over what the dead ones hold: look into the logs of those that run')
  }
  const isAllHeld = living.reduce((sum, { shards }) => sum + shards.length, 0) === total(holders)
  return isAllHeld ? well(part, text) : note(part, `${text}; those that run take the rest within seconds`)
}

const total = (holders: readonly Holder[]) => holders.reduce((sum, { shards }) => sum + shards.length, 0)

function describe({ name, shards, livesForMs }: Holder): string {
  const count = shards.length === 1 ? '1 shard' : `${shards.length} shards`
  if (name === null) return `${count} free`
  if (livesForMs < 0) return `${name}, dead for ${Math.round(-livesForMs / 1000)} s, holds ${count}`
  return shards.length === 0 ? `${name} stands by` : `${name} holds ${count}`
}
