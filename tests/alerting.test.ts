import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Authority, type Certificate } from '../local/certificates.ts'
import { freePort } from '../local/ports.ts'
import { alertKinds } from '../src/alerts/body.ts'
import type { CheckEntry } from '../src/checkEntry.ts'
import { Heartbeat } from '../src/heartbeat.ts'
import { encode } from '../src/message.ts'
import { AlertReceiver } from './helpers/alertReceiver.ts'
import { checkEntry } from './helpers/entries.ts'
import { MailServer } from './helpers/mailServer.ts'
import { scrape } from './helpers/metrics.ts'
import { Service, stopServices, until } from './helpers/services.ts'
import { createStack, type Stack } from './helpers/stack.ts'
import { publish } from './helpers/topic.ts'
import { configFile, webmon, webmonJson } from './helpers/webmon.ts'

let stack: Stack
const servers: { stop(): Promise<unknown> }[] = []
beforeEach(async () => {
  stack = await createStack()
})
afterEach(async () => {
  await stopServices()
  for (const server of servers.splice(0)) await server.stop()
  await stack.stop()
})

async function receiver(certificate?: Certificate): Promise<AlertReceiver> {
  const server = await AlertReceiver.start(certificate)
  servers.push(server)
  return server
}

const key = (name: string, of: string) => `WEBMON_ALERTS_RECEIVERS_${name.toUpperCase()}_${of}`

/** A consumer that has joined its group, and as many websites. */
async function start(count: number, env: Record<string, string>): Promise<{ consumer: Service; ids: string[] }> {
  const consumer = new Service('consumer', { ...stack.env, ...env })
  await consumer.logged(/^joined the group$/)
  await stack.pool.query('DELETE FROM website')
  const { rows } = await stack.pool.query<{ id: string }>(
    `INSERT INTO website (name, url) SELECT 'Shop ' || n, 'http://127.0.0.1/' FROM generate_series(1, $1) AS n
     RETURNING website_id AS id`,
    [count],
  )
  return { consumer, ids: rows.map(({ id }) => id) }
}

/** So many checks of each website, now. */
const checks = (ids: readonly string[], available: boolean, count: number, more: Partial<CheckEntry> = {}) =>
  publish(
    stack,
    ids.flatMap((websiteId) =>
      Array.from({ length: count }, () =>
        encode(checkEntry({ websiteId, available, httpStatus: available ? 200 : 503, ...more })),
      ),
    ),
    { partition: 0 },
  )
const fail = (ids: readonly string[]) => checks(ids, false, 2)
const recover = (ids: readonly string[]) => checks(ids, true, 1)

/** The fields of the documented table, with their types and kinds. */
function documented(): { field: string; types: string[]; kinds: string[] }[] {
  const text = readFileSync(new URL('../docs/alerts.md', import.meta.url), 'utf8')
  return [...text.matchAll(/^\| `([\w.]+)` \| (\w+(?: or null)?) \| ([\w, ]+) \|/gm)].map(
    ([, field, types, kinds]) => ({
      field: field as string,
      types: (types as string).split(' or '),
      kinds: kinds === 'all' ? [...alertKinds] : (kinds as string).split(', '),
    }),
  )
}

/** The fields that a document has, as the table names them. */
function fieldsOf(document: object, prefix = ''): [string, unknown][] {
  return Object.entries(document).flatMap(([name, value]) =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? fieldsOf(value, `${prefix}${name}.`)
      : [[`${prefix}${name}`, value] as [string, unknown]],
  )
}

const typeOf = (value: unknown) => (value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value)

describe('a consumer', () => {
  it('tells of each kind what docs/alerts.md says', async () => {
    const ops = await receiver()
    const env = { [key('ops', 'WEBHOOK')]: ops.url, [key('ops', 'REPEAT')]: '1' }
    const { ids } = await start(2, env)
    const [one, other] = ids as [string, string]
    const come = (...kinds: string[]) => until(() => kinds.every((kind) => ops.kinds.includes(kind)))
    await fail([one])
    await come('opened', 'open')
    await checks([other], false, 1, { httpStatus: 0, error: 'dns', detail: 'no', suspectSince: new Date() })
    await recover([one])
    await come('network', 'resolved', 'monitor')
    await recover([other])
    await stack.pool.query(
      "UPDATE website SET certificate_expires = now() + interval '6 days', certificate_issuer = 'R13'",
    )
    await come('recovered', 'certificate')
    await webmon(['alert', 'test', '--config', configFile], { ...stack.env, ...env })
    await come(...alertKinds)
    for (const { body } of ops.received) {
      const fields = fieldsOf(body)
      const expected = documented().filter(({ kinds }) => kinds.includes(body.kind))
      expect(fields.map(([field]) => field).sort()).toEqual(expected.map(({ field }) => field).sort())
      for (const [field, value] of fields)
        expect(expected.find((row) => row.field === field)?.types, `${body.kind} ${field}`).toContain(typeOf(value))
    }
    const rows = readFileSync(new URL('../docs/alerts.md', import.meta.url), 'utf8').matchAll(
      /^\| `(\w+)` \| [^|]+ \| [^|]+ \|$/gm,
    )
    expect([...rows].map(([, kind]) => kind)).toEqual([...alertKinds])
  })

  it('tells each receiver by itself: one that hangs or fails holds up neither others nor what is stored', async () => {
    const [good, hanging, failing] = await Promise.all([receiver(), receiver(), receiver()])
    hanging.delayMs = Number.POSITIVE_INFINITY
    failing.status = 500
    const http = await freePort()
    const { consumer, ids } = await start(60, {
      WEBMON_CONSUMER_HTTP_PORT: String(http),
      [key('good', 'WEBHOOK')]: good.url,
      [key('hanging', 'WEBHOOK')]: `${hanging.url}/token`,
      [key('failing', 'WEBHOOK')]: `${failing.url}/token`,
      WEBMON_MONITORING_INTERVAL: '3600',
    })
    await fail(ids)
    await until(() => good.received.length === 60)
    await recover(ids)
    await until(() => good.received.length === 120)
    // The hanging one holds its first 8 still.
    expect(hanging.received.length).toBeLessThan(60)
    expect(hanging.kinds).not.toContain('resolved')
    // Who has not heard of the beginning hears of no end.
    expect(failing.kinds).not.toContain('resolved')
    expect(await stack.pool.query('SELECT FROM incident WHERE ended IS NULL')).toHaveProperty('rowCount', 0)
    const line = await consumer.logged(/^an alert \(opened\) to failing failed: status 500; trying again in 5 s$/)
    expect(line.level).toBe('warn')
    expect(consumer.said()).not.toContain('token')
    await until(async () => (await scrape(http)).get('webmon_alert_failures_total{receiver="failing"}') === 60)
    const metrics = await scrape(http)
    expect(metrics.get('webmon_alerts_sent_total{receiver="good"}')).toBe(120)
    expect(metrics.get('webmon_alerts_sent_total{receiver="failing"}')).toBe(0)
    expect(metrics.get('webmon_alerts_waiting')).toBeGreaterThan(0)
    expect(metrics.get('webmon_incidents_open')).toBeDefined()
    // Well again, it gets all of them, each beginning before its end.
    failing.status = 200
    const before = failing.received.length
    await until(() => failing.received.length === before + 120)
    const ofOne = failing.received
      .slice(before)
      .filter(({ body }) => body.about === failing.received.at(-1)?.body.about)
    expect(ofOne.map(({ body }) => body.kind)).toEqual(['opened', 'resolved'])
  })

  it('of two sends each alert once, and many to people as one', async () => {
    const [ops, chat] = await Promise.all([receiver(), receiver()])
    const mails = await MailServer.start()
    servers.push(mails)
    const env = {
      WEBMON_MONITORING_INTERVAL: '3600',
      [key('ops', 'WEBHOOK')]: ops.url,
      [key('chat', 'WEBHOOK')]: chat.url,
      [key('chat', 'FORMAT')]: 'slack',
      [key('boss', 'EMAIL')]: 'boss@my.example',
      WEBMON_ALERTS_SMTP_HOST: '127.0.0.1',
      WEBMON_ALERTS_SMTP_PORT: String(mails.port),
      WEBMON_ALERTS_SMTP_SECURITY: 'none',
      WEBMON_ALERTS_SMTP_FROM: 'webmon@my.example',
    }
    const { ids } = await start(300, env)
    await new Service('consumer', { ...stack.env, ...env }).logged(/^started$/)
    await fail(ids)
    await until(() => ops.received.length >= 300)
    await recover(ids)
    await until(() => ops.received.length >= 600)
    await until(async () => (await stack.pool.query('SELECT FROM alert WHERE sent IS NULL')).rowCount === 0)
    expect(new Set(ops.received.map(({ body }) => body.id)).size).toBe(600)
    expect(ops.received).toHaveLength(600)
    const counted = (texts: string[]) =>
      texts.reduce((sum, text) => sum + Number(/(?:^|: )(\d+) alerts: /.exec(text)?.[1] ?? 1), 0)
    expect(counted(chat.received.map(({ body }) => body.text))).toBe(600)
    expect(counted(mails.mails.map(({ source }) => /^Subject: .*$/m.exec(source)?.[0] ?? ''))).toBe(600)
    expect(chat.received.length).toBeLessThan(50)
    expect(mails.mails.length).toBeLessThan(50)
  })

  it('that is stopped lets what is under way come to its end', async () => {
    const ops = await receiver()
    ops.delayMs = 1_000
    const { consumer, ids } = await start(1, { [key('ops', 'WEBHOOK')]: ops.url })
    await fail(ids)
    await until(() => ops.received.length === 1)
    expect(await consumer.stop()).toMatchObject({ code: 0 })
    expect(await stack.pool.query('SELECT FROM alert WHERE sent IS NULL')).toHaveProperty('rowCount', 0)
  })

  it('that is stopped while a receiver hangs ends in time, and the alert stays', async () => {
    const ops = await receiver()
    ops.delayMs = Number.POSITIVE_INFINITY
    const { consumer, ids } = await start(1, { [key('ops', 'WEBHOOK')]: ops.url })
    await fail(ids)
    await until(() => ops.received.length === 1)
    expect(await consumer.stop()).toMatchObject({ code: 0 })
    const { rows } = await stack.pool.query('SELECT sent, given_up, attempts FROM alert')
    expect(rows).toEqual([{ sent: null, given_up: null, attempts: 1 }])
  })

  it('tells that no entries come also when Kafka is not there', async () => {
    const ops = await receiver()
    const { consumer } = await start(1, {})
    await consumer.stop()
    new Service('consumer', {
      ...stack.env,
      WEBMON_KAFKA_SERVER: '127.0.0.1',
      WEBMON_KAFKA_PORT: String(await freePort()),
      [key('ops', 'WEBHOOK')]: ops.url,
    })
    await until(() => ops.kinds.includes('monitor'))
  })
})

describe('webmon alert', () => {
  it('test says what each receiver answers, and list what became of alerts', async () => {
    const [ops, broken] = await Promise.all([receiver(), receiver()])
    broken.status = 404
    const env = {
      ...stack.env,
      [key('ops', 'WEBHOOK')]: ops.url,
      [key('broken', 'WEBHOOK')]: `${broken.url}/token`,
    }
    const config = ['--config', configFile]
    const all = await webmon(['alert', 'test', ...config], env)
    expect(all.code).toBe(1)
    expect(all.out).toBe('receiver          answer\nops       sent    status 200\nbroken    FAILED  status 404\n')
    expect(await webmon(['alert', 'test', 'ops', ...config], env)).toMatchObject({ code: 0 })
    expect(ops.received.at(-1)?.body).toMatchObject({ kind: 'test', subject: 'A test message of webmon' })
    const unknown = await webmon(['alert', 'test', 'nobody', ...config], env)
    expect(unknown).toMatchObject({ code: 2, err: '"nobody": no receiver of this name; there are: ops, broken\n' })
    expect(await webmon(['alert', 'test', ...config], stack.env)).toMatchObject({
      code: 1,
      err: 'there is no receiver: alerts.receivers names them\n',
    })

    const { ids } = await start(1, { [key('ops', 'WEBHOOK')]: ops.url, [key('broken', 'WEBHOOK')]: broken.url })
    await fail(ids)
    type Row = { receiver: string; state: string; failure: string | null }
    const list = () => webmonJson<Row[]>(['alert', 'list', ...config], env)
    await until(async () => (await list()).some(({ failure }) => failure !== null))
    await until(async () => (await list()).some(({ state }) => state === 'sent'))
    expect((await list()).filter(({ receiver }) => receiver === 'broken')).toMatchObject([
      { state: 'waiting', failure: 'status 404' },
    ])
    const sent = await webmon(['alert', 'list', '--state', 'sent', ...config], env)
    expect(sent.out).toMatch(
      /^created.*\n\d{4}-\S+ \S+ {2}ops {7}sent {3}1 {9}Shop 1 is unavailable: http_status 503\n$/,
    )
  })
})

describe('a webhook with https', () => {
  it('gets its alerts, where its authority is one that Node trusts', async () => {
    const authority = await Authority.create()
    const ops = await receiver(await authority.issue())
    const env = { ...stack.env, [key('ops', 'WEBHOOK')]: `${ops.url}/token` }
    const test = ['alert', 'test', '--config', configFile]
    const stranger = await webmon(test, env)
    expect(stranger.code).toBe(1)
    expect(stranger.out).toMatch(/^ops +FAILED +unable to verify the first certificate$/m)
    expect(ops.received).toHaveLength(0)
    const folder = mkdtempSync(path.join(tmpdir(), 'webmon-authority-'))
    servers.push({ stop: async () => rmSync(folder, { recursive: true }) })
    const file = path.join(folder, 'ca.pem')
    writeFileSync(file, authority.cert)
    expect(await webmon(test, { ...env, NODE_EXTRA_CA_CERTS: file })).toMatchObject({ code: 0 })
    expect(ops.received).toMatchObject([{ path: '/token', body: { kind: 'test' } }])
  })
})

describe('the heartbeat', () => {
  it('is there while entries are stored', async () => {
    const beats = await receiver()
    const { ids } = await start(1, { WEBMON_ALERTS_HEARTBEAT: `${beats.url}/token` })
    expect(beats.received).toHaveLength(0)
    await recover(ids)
    await until(() => beats.received.length === 1)
    expect(beats.received[0]?.path).toBe('/token')
  })

  it('ends when they do, and is there again when they are', async () => {
    const beats = await receiver()
    const warnings: string[] = []
    const logger = { warn: (_: unknown, message: string) => warnings.push(message) }
    const heartbeat = new Heartbeat({ url: beats.url, everyMs: 50, flowMs: 500, logger: logger as never })
    try {
      heartbeat.stored()
      await until(() => beats.received.length >= 3)
      let count = -1
      await until(async () => {
        const before = count
        count = beats.received.length
        await new Promise((resolve) => setTimeout(resolve, 300))
        return before === count
      })
      heartbeat.stored()
      await until(() => beats.received.length > count)
      beats.status = 500
      heartbeat.stored()
      await until(() => warnings.length > 0)
      expect(warnings[0]).toBe(`the heartbeat to ${new URL(beats.url).host} failed: status 500`)
    } finally {
      heartbeat.stop()
    }
  })

  it('that fails is a warning, without what is secret, and stores go on', async () => {
    const port = await freePort()
    const { consumer, ids } = await start(1, { WEBMON_ALERTS_HEARTBEAT: `http://127.0.0.1:${port}/token?secret` })
    await recover(ids)
    const { msg } = await consumer.logged(/^the heartbeat/)
    expect(msg).toBe(`the heartbeat to 127.0.0.1:${port} failed: connect ECONNREFUSED 127.0.0.1:${port}`)
    expect(consumer.said()).not.toMatch(/token|secret/)
  })
})
