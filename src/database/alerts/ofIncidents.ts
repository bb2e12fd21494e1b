import type { AlertKind } from '../../alerts/body.ts'
import { hears, type Receiver } from '../../alerts/receiver.ts'
import { insertAlerts, type NewAlert } from '../alerts.ts'
import type { Send } from '../database.ts'
import type { IncidentEvent } from '../incidents.ts'
import { readFacts, readTold, type Told } from './facts.ts'

/**
 * Writes the alerts of what happened to incidents, in the transaction in which it happened. That one opened is told to
 * every receiver that hears of its website, that it is over to those who were told that it opened.
 *
 * @returns how many were written
 */
export async function alertIncidents(
  send: Send,
  events: readonly IncidentEvent[],
  receivers: readonly Receiver[],
): Promise<number> {
  if (events.length === 0 || receivers.length === 0) return 0
  const ids = [...new Set(events.map(({ incidentId }) => incidentId))]
  const [facts, told] = await Promise.all([readFacts(send, ids), readTold(send, ids, receivers)])
  const alerts: NewAlert[] = []
  for (const { kind, incidentId, websiteId } of events.toSorted(openedFirst)) {
    const { incident, website } = facts.get(incidentId) ?? {}
    if (!incident) continue
    const add = (to: readonly Told[], as: AlertKind) => {
      for (const { receiver, website } of to)
        alerts.push({ receiver, kind: as, subject: incidentId, websiteId, body: { website, incident } })
    }
    if (kind === 'opened' && website) {
      const hearing = receivers.filter((receiver) => hears(receiver, website))
      const to = hearing.map(({ name }) => ({ receiver: name, website }))
      add(to, kind)
      // It may be over within the same transaction.
      told.set(incidentId, to)
    } else if (kind === 'resolved') {
      // The name may have changed, or the website be gone.
      add(
        (told.get(incidentId) ?? []).map((one) => ({ ...one, website: website ?? one.website })),
        kind,
      )
    }
  }
  if (alerts.length === 0) return 0
  const { rowCount } = await send(insertAlerts(alerts))
  return rowCount ?? 0
}

const openedFirst = (a: IncidentEvent, b: IncidentEvent) => Number(a.kind !== 'opened') - Number(b.kind !== 'opened')
