import { randomUUID } from 'node:crypto'
import type pg from 'pg'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { findPgBouncer, startPgBouncer } from '../local/pgbouncer.ts'
import { hears, type Receiver } from '../src/alerts/receiver.ts'
import type { CheckEntry } from '../src/checkEntry.ts'
import { lookForAlerts } from '../src/database/alerts/looks.ts'
import { claimAlerts, listAlerts, markFailed, markSent } from '../src/database/alerts.ts'
import { storeChunk } from '../src/database/chunk.ts'
import { migrate } from '../src/database/migrations.ts'
import { ensurePartitionFor } from '../src/database/partitions.ts'
import { websiteCounts } from '../src/database/websiteCounts.ts'
import { checkEntry, decodedEntry, incidents } from './helpers/entries.ts'
import { silent } from './helpers/storing.ts'
import { TestDatabase } from './helpers/testDatabase.ts'

const signal = new AbortController().signal
const shop = '00000000-0000-4000-8000-000000000001'
const blog = '00000000-0000-4000-8000-000000000002'

function receiver(name: string, more: Partial<Receiver> = {}): Receiver {
  const webhook = { url: 'http://127.0.0.1:1/', format: 'json' as const, headers: {} }
  return { name, webhook, email: null, tags: [], names: [], repeatSeconds: 0, monitor: true, ...more }
}

let database: TestDatabase
beforeEach(async () => {
  database = await TestDatabase.create()
  await migrate(database.pool, { logger: silent })
  await ensurePartitionFor(database.pool, [new Date(), new Date(Date.now() - 20 * 86_400_000)], { logger: silent })
  await database.all('DELETE FROM website')
  await database.all(
    `INSERT INTO website (website_id, name, url, tags) VALUES
       ($1, 'Shop one', 'https://me:secret@shop.example/?token=secret', '{customer}'),
       ($2, 'Blog', 'https://blog.example/', '{}')`,
    [shop, blog],
  )
})
afterEach(() => database.stop())

/** So many seconds ago, good or not. */
const seen = (secondsAgo: number, available: boolean, more: Partial<CheckEntry> = {}) =>
  checkEntry({
    websiteId: shop,
    timestamp: new Date(Date.now() - secondsAgo * 1_000),
    available,
    httpStatus: available ? 200 : 503,
    ...more,
  })

const store = (entries: CheckEntry[], receivers: Receiver[]) =>
  storeChunk(database.pool, entries.map(decodedEntry), {
    signal,
    logger: silent,
    intervalSeconds: 30,
    hourDays: 0,
    incidents,
    receivers,
  })

const fail = (receivers: Receiver[], websiteId = shop) =>
  store([seen(20, false, { websiteId }), seen(10, false, { websiteId })], receivers)
const recover = (receivers: Receiver[], websiteId = shop) => store([seen(1, true, { websiteId })], receivers)

const look = (receivers: Receiver[], intervalSeconds?: number) =>
  lookForAlerts(database.pool, { receivers, intervalSeconds, signal })

/** Claims all that is due, and says it was sent. @returns kinds */
async function send(name: string): Promise<string[]> {
  const kinds: string[] = []
  for (;;) {
    const claimed = await claimAlerts(database.pool, name, 100)
    if (claimed.length === 0) return kinds
    await markSent(
      database.pool,
      claimed.map(({ id }) => id),
    )
    kinds.push(...claimed.map(({ kind }) => kind))
  }
}

const silence = (until: string | null) =>
  database.all(`UPDATE website SET silenced_until = ${until} WHERE website_id = $1`, [shop])

test('an incident is told to whoever hears of its website, with what happened and without secrets', async () => {
  const all = [
    receiver('all'),
    receiver('customers', { tags: ['other', 'customer'] }),
    receiver('shops', { names: ['Shop *'] }),
    receiver('blogs', { names: ['Blog*'] }),
    receiver('others', { tags: ['other'] }),
  ]
  const { alerts } = await fail(all)
  expect(alerts).toBe(3)
  const [incident] = await database.all<{ incident_id: string; started: Date }>('SELECT * FROM incident')
  const rows = await listAlerts(database.pool, 'waiting', 10)
  expect(rows.map((row) => row.receiver).sort()).toEqual(['all', 'customers', 'shops'])
  for (const { kind, subject, body } of rows) {
    expect({ kind, subject }).toEqual({ kind: 'opened', subject: incident?.incident_id })
    expect(body).toEqual({
      website: { id: shop, name: 'Shop one', url: 'https://hidden@shop.example/?hidden', tags: ['customer'] },
      incident: {
        id: incident?.incident_id,
        started: incident?.started.toISOString(),
        ended: null,
        seconds: expect.closeTo(20, -1),
        cause: 'http_status 503',
        detail: null,
        retracted: false,
        closed: null,
      },
    })
  }
  // Whatever the tags are by then: who was told hears of the end, too, and nobody else.
  await database.all("UPDATE website SET tags = '{other}', name = 'Blog two'")
  expect((await recover(all)).alerts).toBe(3)
  for (const name of ['all', 'customers', 'shops']) expect(await send(name)).toEqual(['opened', 'resolved'])
  for (const name of ['blogs', 'others']) expect(await send(name)).toEqual([])
  const [resolved] = (await listAlerts(database.pool, 'sent', 10)).filter(({ kind }) => kind === 'resolved')
  expect(resolved?.body.incident).toMatchObject({ ended: expect.any(String), seconds: 19 })
  expect(resolved?.body.website?.name).toBe('Blog two')
})

test('alerts are written in the transaction that stores, or not at all', async () => {
  await database.all("ALTER TABLE alert ADD CONSTRAINT none CHECK (kind <> 'opened')")
  await expect(fail([receiver('ops')])).rejects.toThrow(/"none"/)
  expect(await database.value('SELECT count(*)::int FROM check_entry')).toBe(0)
  await database.all('ALTER TABLE alert DROP CONSTRAINT none')
  await fail([receiver('ops')])
  expect(await database.value('SELECT count(*)::int FROM alert')).toBe(1)
})

test('what comes again, and what nobody asked for, makes no alert', async () => {
  const entries = [seen(20, false), seen(10, false)]
  expect((await store(entries, [receiver('ops')])).alerts).toBe(1)
  expect((await store(entries, [receiver('ops')])).alerts).toBe(0)
  expect((await store([seen(1, true)], [])).alerts).toBe(0)
})

test('an incident that came and was over within one chunk is told as both, in this order', async () => {
  const { alerts } = await store([seen(30, false), seen(20, false), seen(10, true)], [receiver('ops')])
  expect(alerts).toBe(2)
  expect(await send('ops')).toEqual(['opened', 'resolved'])
})

describe('two that claim', () => {
  test('never get the same, and what the first does not finish is due again after its lease', async () => {
    await fail([receiver('ops')])
    await fail([receiver('ops')], blog)
    const claims = await Promise.all(Array.from({ length: 8 }, () => claimAlerts(database.another(), 'ops', 1)))
    const ids = claims.flat().map(({ id }) => id)
    expect(new Set(ids).size).toBe(ids.length)
    expect(ids).toHaveLength(2)
    expect(await claimAlerts(database.pool, 'ops', 10)).toEqual([])
    await database.all("UPDATE alert SET due = due - interval '59 seconds'")
    expect(await claimAlerts(database.pool, 'ops', 10)).toEqual([])
    await database.all("UPDATE alert SET due = due - interval '2 seconds'")
    const again = await claimAlerts(database.pool, 'ops', 10)
    expect(again.map(({ id }) => id).sort()).toEqual(ids.sort())
    expect(again.map(({ attempts }) => attempts)).toEqual([2, 2])
  })

  test('wait with the end of an incident until its beginning was sent', async () => {
    await fail([receiver('ops')])
    const [opened] = await claimAlerts(database.pool, 'ops', 10)
    await recover([receiver('ops')])
    expect(await claimAlerts(database.pool, 'ops', 10)).toEqual([])
    await markFailed(database.pool, [opened?.id as string], 'status 500', 5)
    expect(await claimAlerts(database.pool, 'ops', 10)).toEqual([])
    await database.all("UPDATE alert SET due = now() WHERE kind = 'opened'")
    expect(await send('ops')).toEqual(['opened', 'resolved'])
  })
})

test.skipIf(findPgBouncer() === undefined)(
  "through PgBouncer in transaction mode, of many that claim at once each alert is one's alone, until it was sent",
  async () => {
    const bouncer = await startPgBouncer({ database: database.address, poolSize: 3 })
    database.onStop(() => bouncer.stop())
    const pools = Array.from({ length: 8 }, () => database.another(bouncer.database))
    const [pool] = pools as [pg.Pool]
    const ids = Array.from({ length: 40 }, () => randomUUID())
    await database.all(
      "INSERT INTO website (website_id, name, url) SELECT id, id, 'http://127.0.0.1/' FROM unnest($1::uuid[]) AS id",
      [ids],
    )
    await store(
      ids.flatMap((websiteId) => [seen(20, false, { websiteId }), seen(10, false, { websiteId })]),
      [receiver('ops')],
    )
    const sent: string[] = []
    let failures = 5
    const sendAll = async (claimer: pg.Pool) => {
      for (let idle = 0; idle < 3; ) {
        const claimed = (await claimAlerts(claimer, 'ops', 3)).map(({ id }) => id)
        if (claimed.length === 0) idle++
        else if (failures-- > 0) await markFailed(claimer, claimed, 'status 500', 0)
        else {
          sent.push(...claimed)
          await markSent(claimer, claimed)
        }
      }
    }
    await Promise.all(pools.map(sendAll))
    await sendAll(pool)
    expect(new Set(sent).size).toBe(sent.length)
    expect(sent).toHaveLength(ids.length)
    expect(await listAlerts(pool, 'waiting', 10)).toEqual([])
  },
)

test('a receiver that never answers is given up after three days, and what follows is sent', async () => {
  await fail([receiver('ops')])
  await recover([receiver('ops')])
  const [opened] = await claimAlerts(database.pool, 'ops', 10)
  const ids = [opened?.id as string]
  await database.all("UPDATE alert SET tried = now() - interval '71 hours'")
  expect(await markFailed(database.pool, ids, 'status 500', 5)).toBe(0)
  await database.all("UPDATE alert SET tried = now() - interval '73 hours'")
  expect(await markFailed(database.pool, ids, 'status 500', 5)).toBe(1)
  expect(await listAlerts(database.pool, 'failed', 10)).toMatchObject([{ kind: 'opened', failure: 'status 500' }])
  expect(await send('ops')).toEqual(['resolved'])
})

describe('a silence', () => {
  const ops = [receiver('ops')]

  test('holds alerts back, and what is over at its end is told to nobody', async () => {
    await silence("now() + interval '1 hour'")
    await fail(ops)
    expect(await send('ops')).toEqual([])
    await recover(ops)
    expect(await send('ops')).toEqual([])
    expect(await database.value('SELECT count(*)::int FROM incident WHERE ended IS NOT NULL')).toBe(1)
    await silence("now() - interval '1 second'")
    await database.all("UPDATE alert SET due = now() - interval '1 second'")
    expect(await send('ops')).toEqual([])
    expect(await listAlerts(database.pool, undefined, 10)).toEqual([])
  })

  test('is read when the alert is due; what lasts is told at its end', async () => {
    await fail(ops)
    await silence("now() + interval '1 hour'")
    expect(await send('ops')).toEqual([])
    expect((await websiteCounts(database.pool, []).get()).waitingAlerts).toBe(0)
    const [held] = await listAlerts(database.pool, 'waiting', 10)
    const until = await database.value<Date>('SELECT silenced_until FROM website WHERE website_id = $1', [shop])
    expect(held?.due).toEqual(until)
    expect(held?.attempts).toBe(0)
    await silence("now() - interval '1 second'")
    await database.all("UPDATE alert SET due = now() - interval '1 second'")
    expect((await websiteCounts(database.pool, []).get()).waitingAlerts).toBe(1)
    expect(await send('ops')).toEqual(['opened'])
  })

  test('that is ended before its time lets them go', async () => {
    await silence("now() + interval '1 hour'")
    await fail(ops)
    await send('ops')
    await look(ops)
    expect(await send('ops')).toEqual([])
    await silence('NULL')
    await look(ops)
    expect(await send('ops')).toEqual(['opened'])
  })

  test('holds back the end of an incident of which was told, and concerns no other website', async () => {
    await fail(ops)
    await send('ops')
    await silence("now() + interval '1 hour'")
    await recover(ops)
    await fail(ops, blog)
    expect(await send('ops')).toEqual(['opened'])
    await silence('NULL')
    await look(ops)
    expect(await send('ops')).toEqual(['resolved'])
  })
})

describe('while an incident lasts', () => {
  const ops = [receiver('ops', { repeatSeconds: 60 }), receiver('quiet')]

  test('it is told again at each repeat interval, once, until it is over', async () => {
    await fail(ops)
    expect(await send('ops')).toEqual(['opened'])
    await look(ops)
    expect(await send('ops')).toEqual([])
    await database.all("UPDATE alert SET sent = sent - interval '61 seconds'")
    await Promise.all([look(ops), look(ops)])
    await look(ops)
    expect(await send('ops')).toEqual(['open'])
    // Nobody looked for a while: one is enough.
    await database.all("UPDATE alert SET sent = sent - interval '185 seconds' WHERE kind = 'opened'")
    await look(ops)
    await look(ops)
    expect(await send('ops')).toEqual(['open'])
    await send('quiet')
    await recover(ops)
    await database.all("UPDATE alert SET sent = sent - interval '1 hour'")
    await look(ops)
    expect(await send('ops')).toEqual(['resolved'])
    expect(await send('quiet')).toEqual(['resolved'])
  })

  test('no more is written for a receiver that has not taken the last, nor for a silenced website', async () => {
    await fail(ops)
    await send('ops')
    await database.all("UPDATE alert SET sent = sent - interval '61 seconds' WHERE kind = 'opened'")
    expect(await look(ops)).toBe(1)
    await database.all("UPDATE alert SET sent = sent - interval '61 seconds' WHERE kind = 'opened'")
    expect(await look(ops)).toBe(0)
    await send('ops')
    await silence("now() + interval '1 hour'")
    expect(await look(ops)).toBe(0)
    await silence('NULL')
    expect(await look(ops)).toBe(1)
  })
})

test('a certificate is told once for each of 21, 7 and 1 days, and never what was passed before', async () => {
  const ops = [receiver('ops'), receiver('blogs', { names: ['Blog'] })]
  const ends = (days: number) =>
    database.all(
      `UPDATE website SET certificate_issuer = 'Let us', certificate_expires = date_trunc('second', now() + $1 * interval '24 hours')
        WHERE website_id = $2`,
      [days, shop],
    )
  const thresholds = async () => {
    await Promise.all([look(ops), look(ops)])
    const rows = await database.all<{ sequence: number }>(
      "SELECT sequence FROM alert WHERE kind = 'certificate' AND receiver = 'ops' ORDER BY created",
    )
    return rows.map(({ sequence }) => sequence)
  }
  await ends(22)
  expect(await thresholds()).toEqual([])
  await ends(20.9)
  expect(await thresholds()).toEqual([21])
  expect(await thresholds()).toEqual([21])
  await database.all('UPDATE website SET certificate_expires = NULL; DELETE FROM alert')
  await ends(0.5)
  expect(await thresholds()).toEqual([1])
  const [row] = await listAlerts(database.pool, 'waiting', 1)
  expect(row?.body.certificate).toEqual({ expires: expect.any(String), issuer: 'Let us', days: 1 })
  // A renewed one begins anew; one that ended long ago is old news.
  await ends(6)
  expect(await thresholds()).toEqual([1, 7])
  await database.all('DELETE FROM alert')
  await ends(-8)
  expect(await thresholds()).toEqual([])
  expect(await database.value("SELECT count(*)::int FROM alert WHERE receiver = 'blogs'")).toBe(0)
})

describe('when no entries come', () => {
  const ops = [receiver('ops'), receiver('customers', { tags: ['customer'], monitor: false })]

  test('for three intervals, that is told once, and once that they come again', async () => {
    await store([seen(80, true), seen(85, true, { websiteId: blog })], ops)
    expect(await look(ops, 30)).toBe(0)
    expect(await look(ops)).toBe(0)
    const newest = await database.value<Date>('SELECT max("timestamp") FROM check_entry')
    await database.all(`UPDATE check_entry SET "timestamp" = "timestamp" - interval '15 seconds'`)
    expect(await look(ops)).toBe(0)
    await Promise.all([look(ops, 30), look(ops, 30)])
    await look(ops, 30)
    const rows = await listAlerts(database.pool, 'waiting', 10)
    expect(rows.map(({ kind, receiver }) => [kind, receiver])).toEqual([['monitor', 'ops']])
    const since = new Date(newest.getTime() - 15_000).toISOString()
    expect(rows[0]?.body).toEqual({ monitor: { since, seconds: expect.closeTo(95, -1) } })
    expect(await send('ops')).toEqual(['monitor'])
    // A late one shows nothing.
    await store([seen(94, true)], ops)
    expect(await look(ops, 30)).toBe(0)
    await store([seen(1, true)], ops)
    await look(ops, 30)
    await look(ops, 30)
    expect(await send('ops')).toEqual(['recovered'])
  })

  test('and there never was one, that is told, too; but not where nothing is to be checked, or less often', async () => {
    await database.all('UPDATE website SET interval = 3600')
    await store([seen(80, true)], ops)
    await database.all(`UPDATE check_entry SET "timestamp" = "timestamp" - interval '2 hours'`)
    expect(await look(ops, 30)).toBe(0)
    await database.all('UPDATE website SET enabled = false; DELETE FROM check_entry')
    expect(await look(ops, 30)).toBe(0)
    await database.all('UPDATE website SET enabled = true')
    expect(await look(ops, 30)).toBe(1)
    expect((await listAlerts(database.pool, 'waiting', 1))[0]?.body).toEqual({
      monitor: { since: null, seconds: null },
    })
  })
})

test('a doubt about the network is told once to whoever hears of webmon itself', async () => {
  const ops = [receiver('ops'), receiver('customers', { monitor: false })]
  const suspectSince = new Date(Date.now() - 60_000)
  const suspect = (secondsAgo: number) => seen(secondsAgo, false, { suspectSince, httpStatus: 0, error: 'dns' })
  expect((await store([suspect(30), suspect(20)], ops)).alerts).toBe(1)
  expect((await store([suspect(10)], ops)).alerts).toBe(0)
  const rows = await listAlerts(database.pool, 'waiting', 10)
  expect(rows.map(({ kind, receiver }) => [kind, receiver])).toEqual([['network', 'ops']])
  expect(rows[0]?.body.monitor?.since).toBe(suspectSince.toISOString())
  // A topic that is read again is no news.
  const old = new Date(Date.now() - 2 * 86_400_000)
  expect((await store([seen(5, false, { suspectSince: old, httpStatus: 0, error: 'dns' })], ops)).alerts).toBe(0)
})

describe('the incident of a website that nobody checks any more', () => {
  const ops = [receiver('ops')]

  test.each([
    ['disabled', 'UPDATE website SET enabled = false'],
    ['removed', 'DELETE FROM website'],
  ])('is over when it is %s, and that is told', async (closed, sql) => {
    await fail(ops)
    await send('ops')
    await database.all(sql)
    expect(await look(ops)).toBe(1)
    expect(await look(ops)).toBe(0)
    expect(await send('ops')).toEqual(['resolved'])
    const [resolved] = await listAlerts(database.pool, 'sent', 1)
    expect(resolved?.kind).toBe('resolved')
    expect(resolved?.body.incident).toMatchObject({ closed, ended: expect.any(String) })
    expect(resolved?.body.website?.name).toBe('Shop one')
  })

  test('is another one when it is enabled again and still fails', async () => {
    await fail(ops)
    await database.all('UPDATE website SET enabled = false')
    await look(ops)
    await database.all('UPDATE website SET enabled = true')
    await store([seen(-2, false), seen(-3, false)], ops)
    const rows = await database.all('SELECT retracted, closed, ended IS NULL AS open FROM incident ORDER BY started')
    expect(rows).toEqual([
      { retracted: false, closed: 'disabled', open: false },
      { retracted: false, closed: null, open: true },
    ])
    expect(await send('ops')).toEqual(expect.arrayContaining(['opened', 'resolved', 'opened']))
  })
})

test.each([
  ['that was over', [seen(864_003, false), seen(864_002, false), seen(864_001, true)], 1],
  ['that lasts', [seen(864_003, false), seen(864_002, false)], 1],
])('after days without checks, an incident %s is what it was', async (_, before, count) => {
  await store(before, [receiver('ops')])
  const was = await database.all('SELECT * FROM incident')
  await store([seen(1, false)], [receiver('ops')])
  expect(await database.all('SELECT * FROM incident')).toEqual(was)
  expect(was).toHaveLength(count)
})

test('sent alerts are kept for 30 days, those of an incident that lasts for longer', async () => {
  const ops = [receiver('ops')]
  await fail(ops)
  await fail(ops, blog)
  await recover(ops)
  await send('ops')
  const age = (days: number) =>
    database.all("UPDATE alert SET created = created - $1 * interval '1 day', sent = sent - $1 * interval '1 day'", [
      days,
    ])
  await age(29)
  await look(ops)
  expect(await database.value('SELECT count(*)::int FROM alert')).toBe(3)
  await age(2)
  await look(ops)
  const left = await database.all('SELECT kind, website_id FROM alert')
  expect(left).toEqual([{ kind: 'opened', website_id: blog }])
})

test('alerts for a receiver that is configured no more are given up after three days', async () => {
  await fail([receiver('gone')])
  await database.all("UPDATE alert SET due = now() - interval '71 hours'")
  await look([receiver('ops')])
  expect(await listAlerts(database.pool, 'waiting', 10)).toHaveLength(1)
  await database.all("UPDATE alert SET due = now() - interval '73 hours'")
  await look([receiver('gone')])
  expect(await listAlerts(database.pool, 'waiting', 10)).toHaveLength(1)
  await look([receiver('ops')])
  expect(await listAlerts(database.pool, 'failed', 10)).toMatchObject([{ failure: 'there is no such receiver' }])
})

test.each([
  ['Shop *', 'Shop one', true],
  ['Shop *', 'Shop', false],
  ['*one', 'Shop one', true],
  ['*o*o*', 'Shop one', true],
  ['Shop one', 'Shop one', true],
  ['Shop one', 'Shop one two', false],
  ['a*a', 'a', false],
  ['*', '', true],
  ['S.op*', 'Shop one', false],
  ['*ab*ab', 'xab', false],
])('the pattern %s and the name %s: %s', (pattern, name, wanted) => {
  expect(hears(receiver('one', { names: [pattern] }), { name, tags: [] })).toBe(wanted)
})
