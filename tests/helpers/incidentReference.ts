import type { CheckEntry } from '../../src/checkEntry.ts'
import type { IncidentRules } from '../../src/incident.ts'

export interface ReferenceIncident {
  readonly first: CheckEntry
  /** Failing ones from the one on that made it an incident. */
  readonly telling: CheckEntry[]
  readonly end: CheckEntry | null
}

export const inOrder = (one: CheckEntry, other: CheckEntry) =>
  one.timestamp.getTime() - other.timestamp.getTime() || (one.id < other.id ? -1 : 1)

/** The incidents of one website, looked up run by run in all that is known of it. */
export function incidentsOf(entries: readonly CheckEntry[], rules: IncidentRules): ReferenceIncident[] {
  const counting = entries.filter(({ suspectSince }) => !suspectSince).sort(inOrder)
  const isRun = (from: number, length: number, available: boolean) =>
    from + length <= counting.length &&
    counting.slice(from, from + length).every((entry) => entry.available === available)
  const incidents: ReferenceIncident[] = []
  for (let at = 0; at < counting.length; at++) {
    if (!isRun(at, rules.failures, false)) continue
    const first = at
    while (at < counting.length && !isRun(at, rules.recoveries, true)) at++
    incidents.push({
      first: counting[first] as CheckEntry,
      telling: counting.slice(first + rules.failures - 1, at).filter(({ available }) => !available),
      end: counting[at] ?? null,
    })
    at += rules.recoveries - 1
  }
  return incidents
}
