import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { Authority, type Certificate } from '../local/certificates.ts'
import { type LocalKafka, startKafka } from '../local/kafka.ts'
import { findPgBouncer, startPgBouncer } from '../local/pgbouncer.ts'
import { type LocalPostgres, startPostgres } from '../local/postgres.ts'
import { Service, stopServices, until } from './helpers/services.ts'
import { createStack, type Stack } from './helpers/stack.ts'
import { databaseEnv, openPool } from './helpers/stackEnv.ts'
import { startWebsites, type Websites } from './helpers/websites.ts'

const folder = mkdtempSync(path.join(tmpdir(), 'webmon-security-'))
let stack: Stack
let websites: Websites
let authority: Authority
let server: Certificate
let client: Certificate
let stranger: Certificate
const file = (name: string, pem?: string) => {
  if (pem !== undefined) writeFileSync(path.join(folder, name), pem)
  return path.join(folder, name)
}

beforeAll(async () => {
  stack = await createStack()
  websites = await startWebsites()
  authority = await Authority.create()
  const other = await Authority.create('another authority')
  server = await authority.issue({ name: 'server', hosts: ['127.0.0.1'] })
  client = await authority.issue({ name: 'webmon' })
  stranger = await other.issue({ name: 'webmon' })
  file('ca.pem', authority.cert)
  file('other-ca.pem', other.cert)
  file('client.pem', client.cert)
  file('client.key', client.key)
  file('stranger.pem', stranger.cert)
  file('stranger.key', stranger.key)
})
afterEach(stopServices)
afterAll(async () => {
  await stack.stop()
  await websites.stop()
  rmSync(folder, { recursive: true })
})

/** Both services work: a website is checked, and its entry is stored. */
async function expectItWorks(env: Record<string, string>, pool = stack.pool): Promise<void> {
  const services = [new Service('consumer', env), new Service('producer', env)]
  for (const service of services) await service.logged(/^started$/)
  await pool.query('DELETE FROM website')
  const { rows } = await pool.query(
    "INSERT INTO website (name, url, regex) VALUES ('one', $1, 'Hello') RETURNING website_id",
    [`${websites.url}/hello`],
  )
  await until(async () => {
    const entries = await pool.query('SELECT 1 FROM check_entry WHERE website_id = $1 AND regex_match', [
      rows[0].website_id,
    ])
    return entries.rowCount !== 0
  })
  for (const service of services) expect((await service.stop()).code).toBe(0)
}

describe('Kafka', () => {
  let kafka: LocalKafka
  beforeAll(async () => {
    kafka = await startKafka({
      tls: { ca: authority.cert, cert: server.cert, key: server.key },
      users: { webmon: 'kafka-secret' },
    })
  })
  afterAll(() => kafka.stop())
  const tls = (more: Record<string, string> = {}) => ({
    ...stack.env,
    WEBMON_KAFKA_PORT: String(kafka.ports.ssl),
    WEBMON_KAFKA_SSL_CAFILE: file('ca.pem'),
    WEBMON_KAFKA_SSL_CERTFILE: file('client.pem'),
    WEBMON_KAFKA_SSL_KEYFILE: file('client.key'),
    ...more,
  })

  it('with client certificates', () => expectItWorks(tls()))

  it.each(['plain', 'scram-sha-256', 'scram-sha-512'])('with a password by %s', (mechanism) =>
    expectItWorks({
      ...stack.env,
      WEBMON_KAFKA_PORT: String(kafka.ports.sasl),
      WEBMON_KAFKA_SASL_MECHANISM: mechanism,
      WEBMON_KAFKA_SASL_USERNAME: 'webmon',
      WEBMON_KAFKA_SASL_PASSWORD: 'kafka-secret',
    }),
  )

  it.each(['plain', 'scram-sha-256', 'scram-sha-512'])('with a password by %s, over TLS', (mechanism) =>
    expectItWorks(
      tls({
        WEBMON_KAFKA_PORT: String(kafka.ports.saslSsl),
        WEBMON_KAFKA_SASL_MECHANISM: mechanism,
        WEBMON_KAFKA_SASL_USERNAME: 'webmon',
        WEBMON_KAFKA_SASL_PASSWORD: 'kafka-secret',
      }),
    ),
  )

  it.each([
    [
      'a server of another authority',
      { WEBMON_KAFKA_SSL_CAFILE: 'other-ca.pem' },
      /^preparing the topic .* failed: .*(unable to verify|certificate)/,
    ],
    [
      'a client certificate of another authority',
      { WEBMON_KAFKA_SSL_CERTFILE: 'stranger.pem', WEBMON_KAFKA_SSL_KEYFILE: 'stranger.key' },
      /^preparing the topic .* failed/,
    ],
  ])('is not trusted or does not trust: %s', async (_, files, message) => {
    const paths = Object.fromEntries(Object.entries(files).map(([name, value]) => [name, file(value)]))
    const service = new Service('producer', tls(paths))
    await service.logged(message)
    expect((await service.stop()).code).toBe(0)
  })

  it('tells of a wrong password, without the password', async () => {
    const service = new Service('consumer', {
      ...stack.env,
      WEBMON_KAFKA_PORT: String(kafka.ports.sasl),
      WEBMON_KAFKA_SASL_MECHANISM: 'scram-sha-256',
      WEBMON_KAFKA_SASL_USERNAME: 'webmon',
      WEBMON_KAFKA_SASL_PASSWORD: 'wrong-secret',
    })
    await service.logged(/^preparing the topic .* failed: .*[Aa]uthentication/)
    expect(service.said()).not.toContain('wrong-secret')
  })
})

describe('PostgreSQL', () => {
  let postgres: LocalPostgres
  beforeAll(async () => {
    postgres = await startPostgres({
      unsafe: true,
      tls: { ca: authority.cert, cert: server.cert, key: server.key },
      access: ['hostssl verified all all cert', 'hostssl all all all scram-sha-256'],
    })
    await postgres.createDatabase('verified')
  })
  afterAll(() => postgres.stop())
  const env = (sslMode: string, more: Record<string, string> = {}) => ({
    ...stack.env,
    ...databaseEnv(postgres.database),
    WEBMON_DATABASE_SSLMODE: sslMode,
    ...more,
  })
  const started = async (environment: Record<string, string>) => {
    const service = new Service('consumer', environment)
    await service.logged(/^started$/)
    expect((await service.stop()).code).toBe(0)
  }
  const refused = async (environment: Record<string, string>, reason: RegExp) => {
    const service = new Service('consumer', environment)
    expect((await service.logged(/^preparing the tables in .* failed/)).msg).toMatch(reason)
    expect((await service.stop()).code).toBe(0)
  }

  it.each(['prefer', 'require'])('with TLS by %s, verifying nothing', (sslMode) => started(env(sslMode)))

  it.each(['require', 'verify-ca', 'verify-full'])('with TLS by %s and its authority', (sslMode) =>
    started(env(sslMode, { WEBMON_DATABASE_SSLROOTCERT: file('ca.pem') })),
  )

  it.each(['require', 'verify-ca', 'verify-full'])('is not trusted by %s with another authority', (sslMode) =>
    refused(env(sslMode, { WEBMON_DATABASE_SSLROOTCERT: file('other-ca.pem') }), /certificate|verify/),
  )

  it('is trusted under another name by verify-ca, and not by verify-full', async () => {
    const ca = { WEBMON_DATABASE_SSLROOTCERT: file('ca.pem'), WEBMON_DATABASE_HOST: 'localhost' }
    await started(env('verify-ca', ca))
    await refused(env('verify-full', ca), /altnames|Hostname/)
  })

  it('without TLS by disable is refused by a server that demands it', () =>
    refused(env('disable'), /no pg_hba.conf entry/))

  // pg_hba.conf lets nobody in without TLS.
  it('with TLS by verify-full, for both services', async () => {
    const address = await postgres.createDatabase()
    const pool = openPool({ ...postgres.admin, database: address.database })
    try {
      const more = { WEBMON_DATABASE_DB: address.database, WEBMON_DATABASE_SSLROOTCERT: file('ca.pem') }
      await expectItWorks(env('verify-full', more), pool)
    } finally {
      await pool.end()
    }
  })

  it('with a client certificate', () =>
    started(
      env('verify-full', {
        WEBMON_DATABASE_DB: 'verified',
        WEBMON_DATABASE_PASSWORD: 'none needed',
        WEBMON_DATABASE_SSLROOTCERT: file('ca.pem'),
        WEBMON_DATABASE_SSLCERT: file('client.pem'),
        WEBMON_DATABASE_SSLKEY: file('client.key'),
      }),
    ))

  it('without TLS by prefer, on a server that has none', () =>
    started({ ...stack.env, WEBMON_DATABASE_SSLMODE: 'prefer' }))

  it('without TLS is not spoken to by require', () =>
    refused({ ...stack.env, WEBMON_DATABASE_SSLMODE: 'require' }, /does not support SSL/))

  it('tells of a wrong password, without the password', async () => {
    const service = new Service('consumer', { ...stack.env, WEBMON_DATABASE_PASSWORD: 'wrong-secret' })
    await service.logged(/^preparing the tables in .* failed: password authentication failed/)
    expect(service.said()).not.toContain('wrong-secret')
  })
})

describe.skipIf(findPgBouncer() === undefined)('PgBouncer in transaction mode', () => {
  it('between the services and PostgreSQL', async () => {
    const fresh = await createStack()
    const bouncer = await startPgBouncer({ database: fresh.database, poolSize: 2 })
    try {
      await expectItWorks({ ...fresh.env, ...databaseEnv(bouncer.database) }, fresh.pool)
    } finally {
      await stopServices()
      await fresh.stop()
      await bouncer.stop()
    }
  })
})
