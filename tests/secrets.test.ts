import { createPrivateKey } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { Kafka, logLevel } from 'kafkajs'
import type pg from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { Authority } from '../local/certificates.ts'
import { withClient } from '../local/databaseAddress.ts'
import { type LocalKafka, startKafka } from '../local/kafka.ts'
import { freePort } from '../local/ports.ts'
import { type LocalPostgres, startPostgres } from '../local/postgres.ts'
import { type LoginWebsites, loginRows, startLoginWebsites } from './helpers/loginWebsites.ts'
import { Secrets } from './helpers/secrets.ts'
import { Service, stopServices, until } from './helpers/services.ts'
import { databaseEnv, openPool } from './helpers/stackEnv.ts'
import { publish } from './helpers/topic.ts'
import { configFile, webmon } from './helpers/webmon.ts'

const secrets = new Secrets()
const folder = mkdtempSync(path.join(tmpdir(), 'webmon-secrets-'))
const file = (name: string, text: string) => {
  writeFileSync(path.join(folder, name), text, { mode: 0o600 })
  return path.join(folder, name)
}
const topic = 'secrets'
let kafka: LocalKafka
let postgres: LocalPostgres
let websites: LoginWebsites
let rows: Record<string, unknown>[]
let pool: pg.Pool
let env: Record<string, string>

beforeAll(async () => {
  const authority = await Authority.create()
  const server = await authority.issue({ name: 'server', hosts: ['127.0.0.1'] })
  const client = await authority.issue({ name: 'webmon' })
  const tls = { ca: authority.cert, ...server }
  websites = await startLoginWebsites(secrets)
  rows = loginRows(websites, secrets)
  kafka = await startKafka({ tls, users: { webmon: secrets.of('kafka password') } })
  postgres = await startPostgres({ unsafe: true, tls, access: ['hostssl all all all scram-sha-256'] })
  await withClient(postgres.admin, (admin) =>
    admin.query(`ALTER ROLE webmon PASSWORD '${secrets.of('database password')}'`),
  )
  pool = openPool({ ...postgres.admin, database: postgres.database.database })
  const key = createPrivateKey(client.key)
  const passphrase = secrets.of('key password')
  env = {
    WEBMON_CONFIG_FILE: configFile,
    WEBMON_LOG_LEVEL: 'trace',
    WEBMON_KAFKA_SERVER: '127.0.0.1',
    WEBMON_KAFKA_PORT: String(kafka.ports.saslSsl),
    WEBMON_KAFKA_TOPIC: topic,
    WEBMON_KAFKA_CONSUMER_GROUP: topic,
    WEBMON_KAFKA_SSL_CAFILE: file('ca.pem', authority.cert),
    WEBMON_KAFKA_SSL_CERTFILE: file('client.pem', client.cert),
    WEBMON_KAFKA_SSL_KEYFILE: file(
      'client.key',
      key.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase }) as string,
    ),
    WEBMON_KAFKA_SSL_KEYPASSWORD: passphrase,
    WEBMON_KAFKA_SASL_MECHANISM: 'scram-sha-512',
    WEBMON_KAFKA_SASL_USERNAME: 'webmon',
    WEBMON_KAFKA_SASL_PASSWORD: secrets.of('kafka password'),
    ...databaseEnv(postgres.database),
    WEBMON_DATABASE_PASSWORD: secrets.of('database password'),
    WEBMON_DATABASE_SSLMODE: 'verify-full',
    WEBMON_DATABASE_SSLROOTCERT: file('ca.pem', authority.cert),
    WEBMON_MONITORING_TIMEOUT: '5',
    WEBMON_PRODUCER_SPOOL_PATH: path.join(folder, 'spool'),
    ...Object.fromEntries(
      ['PRODUCER', 'CONSUMER'].flatMap((name) => [
        [`WEBMON_${name}_HTTP_USER`, 'ann'],
        [`WEBMON_${name}_HTTP_PASSWORD`, secrets.of('page password')],
      ]),
    ),
    WEBMON_ALERTS_RECEIVERS_OPS_WEBHOOK: `http://ann:${secrets.of('webhook password')}@${websites.host}/${secrets.of('webhook path')}`,
    WEBMON_ALERTS_RECEIVERS_OPS_HEADERS_X_TOKEN: secrets.of('webhook header'),
    WEBMON_ALERTS_RECEIVERS_GONE_WEBHOOK: `http://127.0.0.1:1/${secrets.of('webhook path')}`,
    WEBMON_ALERTS_RECEIVERS_MAIL_EMAIL: 'ann@my.example',
    WEBMON_ALERTS_SMTP_HOST: '127.0.0.1',
    WEBMON_ALERTS_SMTP_PORT: '1',
    WEBMON_ALERTS_SMTP_USER: 'webmon',
    WEBMON_ALERTS_SMTP_PASSWORD: secrets.of('mail password'),
    WEBMON_ALERTS_SMTP_FROM: 'webmon@my.example',
    WEBMON_ALERTS_HEARTBEAT: `http://127.0.0.1:1/${secrets.of('heartbeat path')}`,
  }
})
afterEach(stopServices)
afterAll(async () => {
  await pool.end()
  await Promise.all([kafka.stop(), postgres.stop(), websites.stop()])
  rmSync(folder, { recursive: true })
})

const all = ({ log, errors }: Service) => [...log.map((line) => JSON.stringify(line)), ...errors].join('\n')

/** All that a command says, as text and as JSON. */
async function said(args: readonly string[], more: Record<string, string> = {}, input = ''): Promise<string> {
  const both = [args, [...args, '--json']]
  const ran = await Promise.all(both.map((one) => webmon(one, { ...env, ...more }, { input })))
  const answer = ran.map(({ out, err }) => out + err).join('\n')
  expect(answer).not.toBe('')
  return answer
}

describe('no secret is in what is said', { timeout: 180_000 }, () => {
  it('by the services, their pages, messages and rows, directly and through a proxy', async () => {
    const [producerPort, consumerPort] = [await freePort(), await freePort()]
    const ports = {
      WEBMON_PRODUCER_HTTP_PORT: String(producerPort),
      WEBMON_CONSUMER_HTTP_PORT: String(consumerPort),
    }
    const consumer = new Service('consumer', { ...env, ...ports })
    await consumer.logged(/^started$/)
    await pool.query('DELETE FROM website')
    await pool.query(
      `INSERT INTO website (name, url, regex, method, headers, body)
       SELECT name, url, coalesce(regex, ''), method, headers, body
         FROM jsonb_to_recordset($1) AS row (name text, url text, regex text, method text, headers jsonb, body text)`,
      [JSON.stringify(rows)],
    )
    let pages = ''
    const authorization = `Basic ${Buffer.from(`ann:${secrets.of('page password')}`).toString('base64')}`
    const { rows: ids } = await pool.query('SELECT website_id AS id FROM website')
    const details = ids.flatMap(({ id }) => [`website/${id}`, `api/websites/${id}`, `api/websites/${id}/checks`])
    const services = [consumer]
    const messages = `{"url": "http://ann:${secrets.of('url password')}@one.example/"} nonsense`
    await publish({ kafka: plainKafka(), topic, group: topic }, [messages, `*${secrets.of('url password')}`])
    for (const proxy of ['none', `http://proxy:${secrets.of('proxy password')}@${websites.host}`]) {
      const mechanism = proxy === 'none' ? 'plain' : 'scram-sha-256'
      const producer = new Service('producer', {
        ...env,
        ...ports,
        WEBMON_KAFKA_SASL_MECHANISM: mechanism,
        WEBMON_MONITORING_PROXY: proxy,
        HTTP_PROXY: `http://proxy:${secrets.of('proxy password')}@${websites.host}`,
      })
      services.push(producer)
      await pool.query('TRUNCATE check_entry')
      await until(async () => {
        const { rows: checked } = await pool.query('SELECT DISTINCT website_id FROM check_entry')
        return checked.length === rows.length
      })
      for (const port of [producerPort, consumerPort]) {
        for (const page of ['metrics', 'healthz', 'readyz', 'other', '', 'api/websites', 'api/incidents', ...details]) {
          pages += await (await fetch(`http://127.0.0.1:${port}/${page}`, { headers: { authorization } })).text()
        }
      }
      expect((await producer.stop()).code).toBe(0)
    }
    const { rows: alerts } = await until(async () => {
      const found = await pool.query('SELECT receiver, body, failure FROM alert')
      return new Set(found.rows.filter(({ failure }) => failure).map(({ receiver }) => receiver)).size >= 2 && found
    })
    expect(secrets.in(JSON.stringify(alerts))).toEqual([])
    expect(pages).toContain('"incidents"')
    expect((await consumer.stop()).code).toBe(0)
    const { rows: errors } = await pool.query('SELECT DISTINCT error FROM check_entry WHERE error IS NOT NULL')
    expect(errors.map(({ error }) => error)).toEqual(
      expect.arrayContaining(['protocol', 'redirects', 'unreachable', 'invalid_url', 'invalid_request']),
    )
    const { rows: letters } = await pool.query('SELECT topic, reason FROM dead_letter')
    expect(letters).toHaveLength(2)
    const { rows: entries } = await pool.query(
      "SELECT to_jsonb(check_entry) || to_jsonb(website) - '{url,headers,body}'::text[] FROM check_entry JOIN website USING (website_id)",
    )
    expect(entries.length).toBeGreaterThanOrEqual(rows.length)
    // What went over the wire, or the search for it would find nothing whatever was said.
    const used = secrets.in(websites.seen()).map((found) => found.split(':')[0])
    expect(used).toEqual(
      expect.arrayContaining([
        'url password',
        'url token',
        'header',
        'body',
        'proxy password',
        'location password',
        'location token',
      ]),
    )
    for (const service of services) expect(secrets.in(all(service))).toEqual([])
    expect(secrets.in(pages)).toEqual([])
    expect(secrets.in(JSON.stringify(entries))).toEqual([])
    expect(secrets.in(JSON.stringify(letters))).toEqual([])
    expect(secrets.in((await published()).join('\n'))).toEqual([])
  })

  it('by the command line', async () => {
    const row = rows[0] as { url: string; body: string; headers: Record<string, string> }
    const header = `Authorization: ${row.headers.Authorization}`
    const commands = [
      ['doctor'],
      ['database', 'status'],
      ['alert', 'list'],
      ['alert', 'test'],
      ['website', 'list'],
      ['website', 'show', ...rows.map(({ name }) => String(name))],
      ['website', 'show', row.url],
      ['website', 'add', row.url, '--name', 'ok'],
      ['website', 'add', row.url.replace('http://', ''), '--header', header],
      ['website', 'add', row.url, '--name', 'wrong', '--header', header.replaceAll(/[: ]/g, '')],
      ['website', 'add', row.url, '--name', 'more', '--header', ...header.split(' ')],
      ['check', row.url.replace('http', 'htp')],
      ['check', row.url, '--header', ...header.split(' ')],
      ['check', row.url, `--heder=${header}`],
      ...['ok', 'redirect', 'redirect-tls', 'redirect-nonsense', 'garbage'].map((name) => {
        const url = rows.find((one) => one.name === name)?.url as string
        return ['check', url, '--method', 'POST', '--header', header, '--body', row.body, '--regex', 'Hel+o']
      }),
    ]
    for (const command of commands) expect([command[0], secrets.in(await said(command))]).toEqual([command[0], []])
    // As JSON it has the messages, as they came.
    expect(secrets.in((await webmon(['dead-letter', 'list'], env)).out)).toEqual([])
    const proxy = { WEBMON_MONITORING_PROXY: `http://proxy:${secrets.of('proxy password')}@${websites.host}` }
    for (const url of [row.url, row.url.replace('http', 'https')]) {
      expect(secrets.in(await said(['check', url], proxy))).toEqual([])
    }
    expect(secrets.in(await said(['doctor'], proxy))).toEqual([])
  })

  it('of a file of websites, whose export alone has them', async () => {
    const [secret, password] = [secrets.of('header'), secrets.of('url password')]
    const url = `http://ann:${password}@one.example/`
    // Each of these ends the reading; the others are told together.
    const files = [`headers: *${secret}`, `headers: !${secret} x`, `headers: "Bearer ${secret}`, `url: '${url}'`].map(
      (end) => [`{name: a, url: '${url}', ${end}}`],
    )
    files.push([
      `{name: a, url: '${url}', headers: Bearer ${secret}}`,
      `{name: b, url: '${url}', headers: {Authorization: [${secret}]}}`,
      `{name: c, url: '${url}', headers: {'Authorization: Bearer ${secret}': ''}}`,
      `{name: d, url: '${url}', headers: {Authorization: "a\\n${secret}"}}`,
      `{name: e, url: '${url}', body: {${secret}: x}}`,
      `{name: f, url: 'ann:${password}@one.example'}`,
      `{name: g, urll: '${url}'}`,
      `{name: h, url: '${url}', '${url}': x}`,
      `{name: i, url: '${url}', Authorization: Bearer ${secret}}`,
      `{name: j, url: '${url}', tags: {${secret}: x}}`,
    ])
    for (const wrong of files) {
      const { code, err } = await webmon(['website', 'import', '-'], env, {
        input: `websites:\n${wrong.map((row) => `  - ${row}\n`).join('')}`,
      })
      expect(code).toBe(1)
      expect(err.match(/standard input:\d/g)).toHaveLength(wrong.length)
      expect([wrong, secrets.in(err)]).toEqual([wrong, []])
    }
    const right = `websites:\n- {name: ok, url: '${url}', headers: {Authorization: '${secret}'}}`
    expect(secrets.in(await said(['website', 'import', '-', '--dry-run'], {}, right))).toEqual([])
    expect(secrets.in(await said(['website', 'import', '-'], {}, right))).toEqual([])
    expect(secrets.in(await said(['website', 'export'])).length).toBeGreaterThan(1)
  })

  it.each([
    ['Kafka', { WEBMON_KAFKA_SASL_PASSWORD: 'wrong kafka' }],
    ['Kafka, by PLAIN', { WEBMON_KAFKA_SASL_PASSWORD: 'wrong kafka', WEBMON_KAFKA_SASL_MECHANISM: 'plain' }],
    ['PostgreSQL', { WEBMON_DATABASE_PASSWORD: 'wrong database' }],
  ])('when %s refuses a password', async (_, more) => {
    const wrong = Object.fromEntries(
      Object.entries(more).map(([name, value]) => [name, value.startsWith('wrong') ? secrets.of(value) : value]),
    )
    const ports = [await freePort(), await freePort()] as const
    const services = (['producer', 'consumer'] as const).map((name, n) => {
      const port = { [`WEBMON_${name.toUpperCase()}_HTTP_PORT`]: String(ports[n]) }
      return new Service(name, { ...env, ...wrong, ...port })
    })
    for (const [n, service] of services.entries()) {
      await service.logged(/^preparing .* failed: .*authentication/i)
      const page = await (await fetch(`http://127.0.0.1:${ports[n]}/readyz`)).text()
      expect((await service.stop()).code).toBe(0)
      expect(secrets.in(all(service) + page)).toEqual([])
    }
    for (const command of [['doctor'], ['website', 'list'], ['dead-letter', 'replay', '--all']]) {
      expect(secrets.in(await said(command, wrong))).toEqual([])
    }
  })
})

function plainKafka(): Kafka {
  return new Kafka({ brokers: [kafka.address], logLevel: logLevel.NOTHING })
}

/** All that is in the topic, but for what the test put there. */
async function published(): Promise<string[]> {
  const found: string[] = []
  const admin = plainKafka().admin()
  await admin.connect()
  const ends = await admin.fetchTopicOffsets(topic)
  await admin.disconnect()
  const total = ends.reduce((sum, { high }) => sum + Number(high), 0)
  const reader = plainKafka().consumer({ groupId: 'reader' })
  await reader.connect()
  await reader.subscribe({ topic, fromBeginning: true })
  await reader.run({ eachMessage: async ({ message }) => void found.push(`${message.key} ${message.value}`) })
  await until(() => found.length >= total)
  await reader.disconnect()
  const ours = found.filter((text) => !text.startsWith('null '))
  expect(ours.length).toBe(total - 2)
  return ours
}
