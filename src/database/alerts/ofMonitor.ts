import { v5 as uuidv5 } from 'uuid'
import type { Receiver } from '../../alerts/receiver.ts'
import { insertAlerts } from '../alerts.ts'
import type { Send } from '../database.ts'

/** Of alerts that are about no incident: the same thing has the same UUIDv5, whoever notices it. */
const namespace = '6f4ac2ab-2a59-55a0-8d52-0d3a0a6b8e0c'
export const subjectOf = (what: string) => uuidv5(what, namespace)

const dayMs = 86_400_000
/** In one chunk. There is one in most cases, and whoever can write to the topic is to call nobody a thousand times. */
const mostDoubts = 5

/**
 * Writes that the network of a producer is in doubt since then, in the transaction that stores such entries. What comes
 * more than a day late (a topic is read again) is told to nobody.
 *
 * @returns how many were written
 */
export async function alertNetwork(
  send: Send,
  since: Iterable<number>,
  receivers: readonly Receiver[],
): Promise<number> {
  const times = [...since]
    .filter((ms) => ms > Date.now() - dayMs)
    .slice(0, mostDoubts)
    .map((ms) => new Date(ms).toISOString())
  const hearing = receivers.filter(({ monitor }) => monitor)
  if (times.length === 0 || hearing.length === 0) return 0
  const alerts = hearing.flatMap(({ name }) =>
    times.map((time) => ({
      receiver: name,
      kind: 'network' as const,
      subject: subjectOf(`network/${time}`),
      websiteId: null,
      body: { monitor: { since: time, seconds: secondsSince(time) } },
    })),
  )
  const { rowCount } = await send(insertAlerts(alerts))
  return rowCount ?? 0
}

/**
 * Writes that no entries come any more, or that they come again, to those who were told that they did not.
 *
 * @param afterSeconds without an entry, of any website and with any time
 * @returns how many were written
 */
export async function alertTrouble(
  send: Send,
  intervalSeconds: number,
  receivers: readonly Receiver[],
): Promise<number> {
  const hearing = receivers.filter(({ monitor }) => monitor).map(({ name }) => name)
  const [told, flows] = await Promise.all([readTrouble(send, receivers), readFlow(send, intervalSeconds)])
  if (flows === 'yes') return told.length === 0 ? 0 : await writeRecovered(send, told)
  if (flows === 'nothing to check' || told.length > 0 || hearing.length === 0) return 0
  const since = await newestEntry(send)
  const alerts = hearing.map((receiver) => ({
    receiver,
    kind: 'monitor' as const,
    subject: subjectOf(`monitor/${since}`),
    websiteId: null,
    body: { monitor: { since, seconds: secondsSince(since) } },
  }))
  const { rowCount } = await send(insertAlerts(alerts))
  return rowCount ?? 0
}

interface ToldTrouble {
  readonly receiver: string
  readonly subject: string
  readonly since: string | null
}

async function readTrouble(send: Send, receivers: readonly Receiver[]): Promise<ToldTrouble[]> {
  const { rows } = await send({
    text: `
      SELECT receiver, subject, body #>> '{monitor,since}' AS since FROM alert
       WHERE receiver = ANY ($1::varchar[]) AND kind = 'monitor'
         AND NOT EXISTS (SELECT FROM alert AS recovered
                          WHERE recovered.receiver = alert.receiver AND recovered.subject = alert.subject
                            AND recovered.kind = 'recovered')`,
    values: [receivers.map(({ name }) => name)],
  })
  return rows as ToldTrouble[]
}

async function writeRecovered(send: Send, told: readonly ToldTrouble[]): Promise<number> {
  const { rowCount } = await send(
    insertAlerts(
      told.map(({ receiver, subject, since }) => ({
        receiver,
        kind: 'recovered' as const,
        subject,
        websiteId: null,
        body: { monitor: { since, seconds: secondsSince(since) } },
      })),
    ),
  )
  return rowCount ?? 0
}

/** Website by website, up to the first entry that is young enough: where entries flow that is the first of all. */
async function readFlow(send: Send, intervalSeconds: number): Promise<'yes' | 'no' | 'nothing to check'> {
  const { rows } = await send({
    text: `
      WITH checked AS (SELECT website_id, interval FROM website WHERE enabled),
           young AS (SELECT now() - 3 * greatest($1, (SELECT min(coalesce(interval, $1)) FROM checked))
                                      * interval '1 second' AS since)
      SELECT EXISTS (SELECT FROM checked) AS checks,
             EXISTS (SELECT FROM website CROSS JOIN LATERAL (
                            SELECT FROM check_entry
                             WHERE check_entry.website_id = website.website_id
                               AND "timestamp" > (SELECT since FROM young) AND "timestamp" < now() + interval '2 days'
                             LIMIT 1) AS entry) AS flows`,
    values: [intervalSeconds],
  })
  const [{ checks, flows }] = rows as [{ checks: boolean; flows: boolean }]
  return flows ? 'yes' : checks ? 'no' : 'nothing to check'
}

/** Of the enabled websites, in the last month. */
async function newestEntry(send: Send): Promise<string | null> {
  const { rows } = await send({
    text: `
      SELECT max(entry."timestamp") AS newest FROM website CROSS JOIN LATERAL (
             SELECT "timestamp" FROM check_entry
              WHERE check_entry.website_id = website.website_id
                AND "timestamp" > now() - interval '31 days' AND "timestamp" < now() + interval '2 days'
              ORDER BY "timestamp" DESC LIMIT 1) AS entry
       WHERE enabled`,
    values: [],
  })
  return (rows as [{ newest: Date | null }])[0].newest?.toISOString() ?? null
}

const secondsSince = (time: string | null) =>
  time === null ? null : Math.max(0, Math.round((Date.now() - Date.parse(time)) / 1_000))
