import type pg from 'pg'
import { certificateAlertDays } from '../../alerts/body.ts'
import { hears, type Receiver } from '../../alerts/receiver.ts'
import { insertAlerts, type NewAlert, tidyAlerts } from '../alerts.ts'
import { type Send, transaction, transactionLimits } from '../database.ts'
import type { IncidentEvent } from '../incidents.ts'
import { tryAdvisory } from '../locks.ts'
import { readFacts, websiteFacts } from './facts.ts'
import { alertIncidents } from './ofIncidents.ts'
import { alertTrouble, subjectOf } from './ofMonitor.ts'

export interface Look {
  readonly receivers: readonly Receiver[]
  /** monitoring.interval, by which trouble is known; undefined: it is too early to know. */
  readonly intervalSeconds: number | undefined
  readonly signal: AbortSignal
}

/**
 * Looks for what no entry tells: incidents that last, and those of websites that nobody checks any more; certificates
 * that end; that no entries come at all. One consumer does it at a time; when another one is at it, nothing.
 *
 * @returns how many alerts were written
 */
export function lookForAlerts(pool: pg.Pool, { receivers, intervalSeconds, signal }: Look): Promise<number> {
  return transaction(pool, signal, async (client) => {
    await client.query(transactionLimits)
    const { rows } = await client.query<{ taken: boolean }>(tryAdvisory('alerts'))
    if (!rows[0]?.taken) return 0
    const send: Send = ({ text, values }) => client.query(text, values)
    const names = receivers.map(({ name }) => name)
    let written = await alertIncidents(send, await closeUnchecked(send), receivers)
    written += await alertLasting(send, receivers)
    written += await alertCertificates(send, receivers)
    if (intervalSeconds !== undefined) written += await alertTrouble(send, intervalSeconds, receivers)
    await tidyAlerts(client, names)
    return written
  })
}

/** Ends incidents of websites that were removed or disabled: nobody will see them recover. */
async function closeUnchecked(send: Send): Promise<IncidentEvent[]> {
  const { rows: open } = await send({
    text: `
      SELECT website_id AS "websiteId" FROM incident LEFT JOIN website USING (website_id)
       WHERE ended IS NULL AND enabled IS NOT TRUE`,
    values: [],
  })
  if (open.length === 0) return []
  const ids = open.map(({ websiteId }) => websiteId)
  // As whoever stores does, so that nothing is decided meanwhile.
  await send({
    text: 'SELECT FROM website WHERE website_id = ANY ($1::uuid[]) ORDER BY website_id FOR NO KEY UPDATE',
    values: [ids],
  })
  const { rows: closed } = await send({
    text: `
      UPDATE incident SET ended = greatest(now(), started), closed = unchecked.why
        FROM (SELECT incident_id, CASE WHEN enabled IS NULL THEN 'removed' ELSE 'disabled' END AS why
                FROM incident LEFT JOIN website USING (website_id)
               WHERE website_id = ANY ($1::uuid[]) AND ended IS NULL AND enabled IS NOT TRUE) AS unchecked
       WHERE incident.incident_id = unchecked.incident_id
      RETURNING incident.website_id AS "websiteId", incident.incident_id AS "incidentId", announced`,
    values: [ids],
  })
  return closed
    .filter(({ announced }) => announced)
    .map(({ websiteId, incidentId }) => ({ kind: 'resolved' as const, websiteId, incidentId }))
}

/** That incidents last, to those who were told that they opened, and only once the last such alert has arrived. */
async function alertLasting(send: Send, receivers: readonly Receiver[]): Promise<number> {
  const repeating = receivers.filter(({ repeatSeconds }) => repeatSeconds > 0)
  if (repeating.length === 0) return 0
  const { rows } = await send({
    text: `
      SELECT receiver, subject, incident.website_id AS "websiteId",
             floor(extract(epoch FROM now() - sent) / seconds)::integer AS sequence
        FROM unnest($1::varchar[], $2::integer[]) AS repeat (receiver, seconds)
       CROSS JOIN incident JOIN website USING (website_id)
        JOIN alert USING (receiver)
       WHERE incident.ended IS NULL AND subject = incident_id AND kind = 'opened'
         AND sent <= now() - seconds * interval '1 second'
         AND (silenced_until IS NULL OR silenced_until <= now())
         AND NOT EXISTS (
             SELECT FROM alert AS earlier
              WHERE earlier.receiver = alert.receiver AND earlier.subject = alert.subject AND earlier.kind = 'open'
                AND (earlier.sent IS NULL AND earlier.given_up IS NULL
                     OR earlier.sequence >= floor(extract(epoch FROM now() - alert.sent) / seconds)))`,
    values: [repeating.map(({ name }) => name), repeating.map(({ repeatSeconds }) => repeatSeconds)],
  })
  if (rows.length === 0) return 0
  const lasting = rows as { receiver: string; subject: string; websiteId: string; sequence: number }[]
  const facts = await readFacts(send, [...new Set(lasting.map(({ subject }) => subject))])
  const alerts = lasting.flatMap((row): NewAlert[] => {
    const { incident, website } = facts.get(row.subject) ?? {}
    return incident && website ? [{ ...row, kind: 'open', body: { incident, website } }] : []
  })
  const { rowCount } = await send(insertAlerts(alerts))
  return rowCount ?? 0
}

/** One that has ended for longer is old news, and its alerts are deleted some day. */
const endedDays = 7

/** Of each certificate one alert per threshold, and none of those that were passed before anybody looked. */
async function alertCertificates(send: Send, receivers: readonly Receiver[]): Promise<number> {
  if (receivers.length === 0) return 0
  const { rows } = await send({
    text: `
      SELECT website_id AS "websiteId", name, url, tags, certificate_expires AS expires, certificate_issuer AS issuer,
             (SELECT min(days) FROM unnest($1::integer[]) AS days
               WHERE certificate_expires <= now() + days * interval '24 hours') AS days
        FROM website
       WHERE enabled AND certificate_expires <= now() + $2 * interval '24 hours'
         AND certificate_expires > now() - ${endedDays} * interval '24 hours'`,
    values: [certificateAlertDays, Math.max(...certificateAlertDays)],
  })
  const alerts = rows.flatMap(({ expires, issuer, days, ...row }) => {
    const website = websiteFacts(row)
    const certificate = { expires: (expires as Date).toISOString(), issuer, days }
    return receivers
      .filter((receiver) => hears(receiver, website))
      .map(({ name }): NewAlert => {
        const subject = subjectOf(`certificate/${website.id}/${certificate.expires}`)
        const body = { website, certificate }
        return { receiver: name, kind: 'certificate', subject, sequence: days, websiteId: website.id, body }
      })
  })
  if (alerts.length === 0) return 0
  const { rowCount } = await send(insertAlerts(alerts))
  return rowCount ?? 0
}
