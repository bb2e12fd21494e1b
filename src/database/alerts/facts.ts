import type { AlertIncident, AlertWebsite } from '../../alerts/body.ts'
import type { Receiver } from '../../alerts/receiver.ts'
import { shownUrl } from '../../shownUrl.ts'
import type { Send } from '../database.ts'

export interface IncidentFacts {
  readonly incident: AlertIncident
  /** Null: it was removed. */
  readonly website: AlertWebsite | null
}

interface IncidentRow {
  readonly id: string
  readonly started: Date
  readonly ended: Date | null
  readonly now: Date
  readonly cause: string
  readonly detail: string | null
  readonly retracted: boolean
  readonly closed: AlertIncident['closed']
  readonly websiteId: string
  readonly name: string | null
  readonly url: string
  readonly tags: string[]
}

/** What alerts say of incidents and their websites. */
export async function readFacts(send: Send, incidentIds: readonly string[]): Promise<Map<string, IncidentFacts>> {
  const { rows } = await send({
    text: `
      SELECT incident_id AS id, started, ended, now(), cause, detail, retracted, closed,
             website_id AS "websiteId", name, url, tags
        FROM incident LEFT JOIN website USING (website_id) WHERE incident_id = ANY ($1::uuid[])`,
    values: [incidentIds],
  })
  return new Map((rows as IncidentRow[]).map((row) => [row.id, factsOf(row)]))
}

function factsOf(row: IncidentRow): IncidentFacts {
  const { id, started, ended, now, cause, detail, retracted, closed, websiteId, name, url, tags } = row
  const endMs = (ended ?? now).getTime()
  const seconds = Math.max(0, Math.round((endMs - started.getTime()) / 1_000))
  return {
    incident: {
      id,
      started: started.toISOString(),
      ended: ended?.toISOString() ?? null,
      seconds,
      cause,
      detail,
      retracted,
      closed,
    },
    website: name === null ? null : websiteFacts({ websiteId, name, url, tags }),
  }
}

export function websiteFacts(row: { websiteId: string; name: string; url: string; tags: string[] }): AlertWebsite {
  return { id: row.websiteId, name: row.name, url: shownUrl(row.url), tags: row.tags }
}

/** Who was told that an incident opened, and of which website. */
export interface Told {
  readonly receiver: string
  readonly website: AlertWebsite
}

export async function readTold(
  send: Send,
  incidentIds: readonly string[],
  receivers: readonly Receiver[],
): Promise<Map<string, Told[]>> {
  const { rows } = await send({
    text: `
      SELECT subject, receiver, body -> 'website' AS website FROM alert
       WHERE receiver = ANY ($1::varchar[]) AND kind = 'opened' AND subject = ANY ($2::uuid[])`,
    values: [receivers.map(({ name }) => name), incidentIds],
  })
  const told = new Map<string, Told[]>()
  for (const { subject, ...one } of rows as (Told & { subject: string })[])
    told.set(subject, [...(told.get(subject) ?? []), one])
  return told
}
