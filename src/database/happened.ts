import type { Receiver } from '../alerts/receiver.ts'
import type { IncidentRules } from '../incident.ts'
import { alertIncidents } from './alerts/ofIncidents.ts'
import { alertNetwork } from './alerts/ofMonitor.ts'
import type { Send } from './database.ts'
import type { IncidentEvent, IncidentWebsites } from './incidents.ts'

/** What the entries of a chunk meant for incidents, and how many alerts were written about it. */
export interface Happened {
  readonly incidentEvents: readonly IncidentEvent[]
  readonly alerts: number
}

export const nothingHappened: Happened = { incidentEvents: [], alerts: 0 }

export interface HappenedOptions {
  readonly incidents: IncidentRules
  /** Who is told; left out: nobody. */
  readonly receivers?: readonly Receiver[]
}

/** Decides it, when the entries are stored. For most chunks there is nothing to decide, and nothing is sent. */
export async function decide(
  send: Send,
  incidents: IncidentWebsites,
  toDecide: readonly { websiteId: string }[],
  { incidents: rules, receivers = [] }: HappenedOptions,
): Promise<Happened> {
  const incidentEvents = toDecide.length > 0 ? await incidents.decide(send, toDecide, rules) : []
  const ofIncidents = await alertIncidents(send, incidentEvents, receivers)
  const ofNetwork = await alertNetwork(send, incidents.suspectSince, receivers)
  return { incidentEvents, alerts: ofIncidents + ofNetwork }
}
