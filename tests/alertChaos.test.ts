import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { encode } from '../src/message.ts'
import { AlertReceiver } from './helpers/alertReceiver.ts'
import { checkEntry } from './helpers/entries.ts'
import { Service, stopServices, until } from './helpers/services.ts'
import { createStack, type Stack } from './helpers/stack.ts'
import { publish } from './helpers/topic.ts'

const kills = 50
const incidents = 100
/** So many incidents are open at a time. */
const open = 10

let stack: Stack
let receivers: { quick: AlertReceiver; slow: AlertReceiver }
beforeAll(async () => {
  stack = await createStack()
  receivers = { quick: await AlertReceiver.start(), slow: await AlertReceiver.start() }
  receivers.slow.delayMs = 200
})
afterAll(async () => {
  await stopServices()
  for (const receiver of Object.values(receivers)) await receiver.stop()
  await stack.stop()
})

let groups = 0
/**
 * Each in a group of its own: a member that was killed holds its group up for 10 s. So everything comes again each time,
 * which is harder still.
 */
function start(): Service {
  return new Service('consumer', {
    ...stack.env,
    WEBMON_KAFKA_CONSUMER_GROUP: `${stack.group}_${groups++}`,
    // No entries for three of them would be told.
    WEBMON_MONITORING_INTERVAL: '3600',
    WEBMON_ALERTS_RECEIVERS_QUICK_WEBHOOK: receivers.quick.url,
    WEBMON_ALERTS_RECEIVERS_SLOW_WEBHOOK: receivers.slow.url,
  })
}

it(`of ${incidents} incidents, each is told to each receiver, while consumers are killed ${kills} times`, async () => {
  const first = start()
  await first.logged(/^joined the group$/)
  await stack.pool.query('DELETE FROM website')
  const { rows } = await stack.pool.query<{ id: string }>(
    `INSERT INTO website (name, url) SELECT 'website ' || n, 'http://127.0.0.1/' FROM generate_series(1, $1) AS n
     RETURNING website_id AS id`,
    [incidents],
  )
  const check = (n: number, available: boolean) =>
    encode(checkEntry({ websiteId: rows[n]?.id as string, available, httpStatus: available ? 200 : 503 }))

  let published = 0
  /** One more opens, and the one that has been open for long enough is over. */
  const next = async () => {
    const n = published++
    const messages = [
      ...(n < incidents ? [check(n, false), check(n, false)] : []),
      ...(n >= open ? [check(n - open, true)] : []),
    ]
    await publish(stack, messages, { partition: 0 })
  }

  let killed = 0
  const killOver = async (service: Service): Promise<void> => {
    for (let current = service; ; current = start()) {
      await current.logged(/^joined the group$/)
      if (killed >= kills) {
        current.kill('SIGKILL')
        await current.exited
        return
      }
      killed++
      await Promise.all(Array.from({ length: incidents / kills }, next))
      await sleep(Math.random() * 400)
      current.kill('SIGKILL')
      await current.exited
    }
  }
  await Promise.all([killOver(first), killOver(start())])
  expect(killed).toBe(kills)
  while (published < incidents + open) await next()

  // What they had claimed is due again, without waiting until the last lease is over.
  await stack.pool.query("UPDATE alert SET due = now() WHERE sent IS NULL AND due < now() + interval '61 seconds'")
  start()
  const unsent = async () => {
    const { rows: counts } = await stack.pool.query<{ all: number; unsent: number; lasting: number }>(
      `SELECT count(*)::int AS "all", count(*) FILTER (WHERE sent IS NULL)::int AS unsent,
              (SELECT count(*)::int FROM incident WHERE ended IS NULL) AS lasting FROM alert`,
    )
    return counts[0]
  }
  await until(
    async () => {
      const counts = await unsent()
      return counts?.all === 4 * incidents && counts.unsent === 0 && counts.lasting === 0
    },
    30_000,
    () => 'all alerts to be sent',
  )

  const { rows: alerts } = await stack.pool.query<{
    alert_id: string
    receiver: 'quick' | 'slow'
    attempts: number
    failure: string | null
  }>('SELECT alert_id, receiver, attempts, failure FROM alert')
  let cut = 0
  let repeated = 0
  for (const { alert_id: id, receiver, attempts } of alerts) {
    const times = receivers[receiver].received.filter(({ body }) => body.id === id).length
    // No attempt failed: all but the last were cut off by a kill.
    expect(times, `${receiver} ${id}`).toBeGreaterThanOrEqual(1)
    expect(times, `${receiver} ${id}`).toBeLessThanOrEqual(attempts)
    cut += attempts - 1
    repeated += times - 1
  }
  expect(cut, 'attempts that were cut off').toBeGreaterThan(0)
  expect(repeated).toBeLessThanOrEqual(cut)
  for (const { received } of Object.values(receivers)) {
    const ids = new Set(alerts.map(({ alert_id }) => alert_id))
    expect(received.filter(({ body }) => !ids.has(body.id))).toEqual([])
    const told = new Map<string, string[]>()
    for (const { body } of received) told.set(body.about, [...(told.get(body.about) ?? []), body.kind])
    expect(told.size).toBe(incidents)
    for (const kinds of told.values()) expect([kinds[0], kinds.at(-1)]).toEqual(['opened', 'resolved'])
  }
  console.log(`${killed} kills, ${alerts.length} alerts, ${cut} attempts cut off, ${repeated} of them had arrived`)
}, 150_000)
