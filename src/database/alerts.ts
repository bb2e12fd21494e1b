/** The outbox: alerts are rows of the table `alert` until they are sent, and some weeks longer. */
import type pg from 'pg'
import type { Alert, AlertBody, AlertKind } from '../alerts/body.ts'
import type { Statement } from './database.ts'

/** An alert as it is to be written. */
export interface NewAlert {
  readonly receiver: string
  readonly kind: AlertKind
  /** What it is about: a receiver gets one of each kind and sequence. */
  readonly subject: string
  readonly sequence?: number
  readonly websiteId: string | null
  readonly body: AlertBody
}

export interface ClaimedAlert extends Alert {
  /** With this one. */
  readonly attempts: number
}

/** For so long a claimed alert is left to whoever claimed it: longer than any attempt takes. */
export const leaseSeconds = 60
const giveUpAfter = '3 days'
const keptFor = '30 days'

const unsent = 'sent IS NULL AND given_up IS NULL'
const isSilenced = (websiteId: string) =>
  `EXISTS (SELECT FROM website WHERE website.website_id = ${websiteId} AND silenced_until > now())`

/** What is there already stays. `rowCount` is how many were written. In one order, for whoever does it side by side. */
export function insertAlerts(alerts: readonly NewAlert[]): Statement {
  const inOrder = alerts.toSorted((a, b) => (`${a.receiver} ${a.subject}` < `${b.receiver} ${b.subject}` ? -1 : 1))
  return {
    text: `
      INSERT INTO alert (receiver, kind, subject, sequence, website_id, body)
      SELECT * FROM unnest($1::varchar[], $2::varchar[], $3::uuid[], $4::integer[], $5::uuid[], $6::jsonb[])
      ON CONFLICT DO NOTHING`,
    values: [
      inOrder.map(({ receiver }) => receiver),
      inOrder.map(({ kind }) => kind),
      inOrder.map(({ subject }) => subject),
      inOrder.map(({ sequence }) => sequence ?? 0),
      inOrder.map(({ websiteId }) => websiteId),
      inOrder.map(({ body }) => JSON.stringify(body)),
    ],
  }
}

/** Of an incident that came and went in the silence nobody hears. */
const drop = `
  WITH over AS MATERIALIZED (
    SELECT subject FROM alert JOIN incident ON incident_id = subject
     WHERE receiver = $1 AND kind = 'opened' AND held AND due <= now() AND ${unsent} AND ended IS NOT NULL
       FOR UPDATE OF alert SKIP LOCKED)
  DELETE FROM alert USING over WHERE alert.receiver = $1 AND alert.subject = over.subject AND ${unsent}`

/** What tells how something went on comes after what tells that it began. */
const isInTurn = `
  (kind NOT IN ('open', 'resolved', 'recovered')
   OR NOT EXISTS (SELECT FROM alert AS beginning
                   WHERE beginning.receiver = alert.receiver AND beginning.subject = alert.subject
                     AND beginning.kind IN ('opened', 'monitor')
                     AND beginning.sent IS NULL AND beginning.given_up IS NULL))`

/**
 * What is about a silenced website is put off to the end of the silence. In the order of the index, so that of 10,000 that
 * are due no more are looked at than are taken.
 */
const claim = `
  WITH claimed AS MATERIALIZED (
    SELECT alert_id, (SELECT silenced_until FROM website
                       WHERE website.website_id = alert.website_id AND silenced_until > now()) AS silenced_until
      FROM alert
     WHERE receiver = $1 AND due <= now() AND ${unsent} AND ${isInTurn}
     ORDER BY due LIMIT $2
       FOR UPDATE OF alert SKIP LOCKED)
  UPDATE alert SET due = coalesce(silenced_until, now() + $3 * interval '1 second'),
                   held = silenced_until IS NOT NULL,
                   attempts = attempts + (silenced_until IS NULL)::integer,
                   tried = coalesce(tried, CASE WHEN silenced_until IS NULL THEN now() END)
    FROM claimed WHERE alert.alert_id = claimed.alert_id
  RETURNING alert.alert_id AS id, kind, subject, created, body, attempts, held`

/**
 * Takes alerts of a receiver that are due, for `leaseSeconds`: no other consumer sends them meanwhile, and when this one
 * dies they are due again. The attempt is counted before it is made.
 *
 * @returns none: nothing is due any more
 */
export async function claimAlerts(pool: pg.Pool, receiver: string, limit: number): Promise<ClaimedAlert[]> {
  await pool.query(drop, [receiver])
  for (;;) {
    const { rows } = await pool.query<ClaimedRow>(claim, [receiver, limit, leaseSeconds])
    const claimed = rows.filter(({ held }) => !held)
    if (claimed.length > 0 || rows.length === 0)
      return claimed
        .sort((a, b) => a.created.getTime() - b.created.getTime())
        .map(({ held, created, ...alert }) => ({ ...alert, created: created.toISOString() }))
  }
}

type ClaimedRow = Omit<ClaimedAlert, 'created'> & { readonly created: Date; readonly held: boolean }

export async function markSent(pool: pg.Pool, ids: readonly string[]): Promise<void> {
  await pool.query('UPDATE alert SET sent = now(), failure = NULL WHERE alert_id = ANY ($1::uuid[])', [ids])
}

/**
 * @param againSeconds when the next attempt is due
 * @returns how many are given up: the first attempt was too long ago
 */
export async function markFailed(
  pool: pg.Pool,
  ids: readonly string[],
  failure: string,
  againSeconds: number,
): Promise<number> {
  const { rows } = await pool.query<{ givenUp: boolean }>(
    `UPDATE alert SET failure = $2, due = now() + $3 * interval '1 second',
                      given_up = CASE WHEN tried < now() - interval '${giveUpAfter}' THEN now() END
      WHERE alert_id = ANY ($1::uuid[]) AND sent IS NULL
     RETURNING given_up IS NOT NULL AS "givenUp"`,
    [ids, failure, againSeconds],
  )
  return rows.filter(({ givenUp }) => givenUp).length
}

/** How many wait to be sent, without those about silenced websites, as SQL. */
export const countWaiting = `(SELECT count(*)::integer FROM alert WHERE ${unsent} AND NOT ${isSilenced('alert.website_id')})`

/**
 * Lets go what a silence held that has been ended before its time; gives up what no receiver is there for any more;
 * deletes what is old.
 *
 * @param receivers those that this consumer knows
 */
export async function tidyAlerts(client: pg.ClientBase, receivers: readonly string[]): Promise<void> {
  await client.query(
    `UPDATE alert SET due = now() WHERE held AND due > now() AND ${unsent} AND NOT ${isSilenced('alert.website_id')}`,
  )
  await client.query(
    `UPDATE alert SET given_up = now(), failure = 'there is no such receiver'
      WHERE ${unsent} AND receiver <> ALL ($1::varchar[]) AND due < now() - interval '${giveUpAfter}'`,
    [receivers],
  )
  // Who was told that an incident opened is to hear of its end, whenever that is.
  await client.query(
    `DELETE FROM alert
      WHERE created < now() - interval '${keptFor}'
        AND (sent < now() - interval '${keptFor}' OR given_up < now() - interval '${keptFor}')
        AND NOT EXISTS (SELECT FROM incident WHERE incident_id = subject AND ended IS NULL)`,
  )
}

export const alertStates = ['waiting', 'failed', 'sent'] as const
export type AlertState = (typeof alertStates)[number]

/** A row for people. */
export interface ListedAlert extends Alert {
  readonly receiver: string
  /** `failed`: it was given up. */
  readonly state: AlertState
  readonly attempts: number
  /** Of the last attempt. */
  readonly failure: string | null
  /** Of the next attempt, while it waits. */
  readonly due: Date
  readonly sent: Date | null
}

/** The newest first. */
export async function listAlerts(pool: pg.Pool, state: AlertState | undefined, limit: number): Promise<ListedAlert[]> {
  const { rows } = await pool.query<Omit<ListedAlert, 'created'> & { created: Date }>(
    `SELECT * FROM (
       SELECT alert_id AS id, receiver, kind, subject, created, attempts, failure, due, sent, body,
              CASE WHEN sent IS NOT NULL THEN 'sent' WHEN given_up IS NOT NULL THEN 'failed' ELSE 'waiting' END AS state
         FROM alert) AS alert
      WHERE $1::varchar IS NULL OR state = $1 ORDER BY created DESC, id LIMIT $2`,
    [state ?? null, limit],
  )
  return rows.map((row) => ({ ...row, created: row.created.toISOString() }))
}
