import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Authority } from '../local/certificates.ts'
import { type LocalKafka, startKafka } from '../local/kafka.ts'
import { type LocalPostgres, startPostgres } from '../local/postgres.ts'
import { doctor, fault } from './helpers/doctor.ts'
import { createStack, databaseEnv, type Stack } from './helpers/stack.ts'

const folder = mkdtempSync(path.join(tmpdir(), 'webmon-doctor-'))
const file = (name: string, pem?: string) => {
  if (pem !== undefined) writeFileSync(path.join(folder, name), pem)
  return path.join(folder, name)
}
let stack: Stack
let authority: Authority
let server: { cert: string; key: string }
let env: Record<string, string>
beforeAll(async () => {
  stack = await createStack()
  authority = await Authority.create()
  const other = await Authority.create('another authority')
  server = await authority.issue({ name: 'server', hosts: ['127.0.0.1'] })
  const client = await authority.issue({ name: 'webmon' })
  file('ca.pem', authority.cert)
  file('other-ca.pem', other.cert)
  file('client.pem', client.cert)
  file('client.key', client.key)
  file('stranger.pem', (await other.issue({ name: 'webmon' })).cert)
  env = { ...stack.env, WEBMON_PRODUCER_SPOOL_PATH: path.join(folder, 'spool') }
})
afterAll(async () => {
  await stack.stop()
  rmSync(folder, { recursive: true })
})

describe('webmon doctor finds in a PostgreSQL with TLS', () => {
  let postgres: LocalPostgres
  let on: Record<string, string>
  beforeAll(async () => {
    postgres = await startPostgres({
      unsafe: true,
      tls: { ca: authority.cert, ...server },
      access: ['hostssl all all all scram-sha-256'],
    })
    const ca = { WEBMON_DATABASE_SSLROOTCERT: file('ca.pem') }
    on = { ...env, ...databaseEnv(postgres.database), WEBMON_DATABASE_SSLMODE: 'verify-full', ...ca }
  })
  afterAll(() => postgres.stop())

  it('nothing wrong with the right authority', async () => {
    const { findings, well } = await doctor(on)
    expect(well).toBe(true)
    expect(findings).toContainEqual(
      expect.objectContaining({ part: 'database', message: expect.stringContaining('as webmon, with TLS') }),
    )
  })

  it.each([
    ['a wrong authority', { WEBMON_DATABASE_SSLROOTCERT: 'other-ca.pem' }, /^the certificate of .* is not trusted/],
    ['another name', { WEBMON_DATABASE_HOST: 'localhost' }, /^the certificate of localhost:\d+ is for another name/],
    ['no TLS asked for', { WEBMON_DATABASE_SSLMODE: 'disable' }, /does not let webmon in: no pg_hba.conf entry/],
  ])('%s', async (_, more, message) => {
    expect(await fault({ ...on, ...inFolder(more) })).toMatchObject({
      part: 'database',
      message: expect.stringMatching(message),
    })
  })
})

describe('webmon doctor finds in a Kafka with TLS, passwords and rights', () => {
  let kafka: LocalKafka
  let tls: Record<string, string>
  let sasl: Record<string, string>
  beforeAll(async () => {
    kafka = await startKafka({
      tls: { ca: authority.cert, ...server },
      users: { webmon: 'kafka-marker' },
      properties: {
        'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
        'super.users': 'User:ANONYMOUS;User:CN=webmon',
      },
    })
    tls = {
      ...env,
      WEBMON_KAFKA_PORT: String(kafka.ports.ssl),
      WEBMON_KAFKA_SSL_CAFILE: file('ca.pem'),
      WEBMON_KAFKA_SSL_CERTFILE: file('client.pem'),
      WEBMON_KAFKA_SSL_KEYFILE: file('client.key'),
    }
    sasl = {
      ...env,
      WEBMON_KAFKA_PORT: String(kafka.ports.sasl),
      WEBMON_KAFKA_SASL_MECHANISM: 'scram-sha-256',
      WEBMON_KAFKA_SASL_USERNAME: 'webmon',
      WEBMON_KAFKA_SASL_PASSWORD: 'kafka-marker',
    }
  })
  afterAll(() => kafka.stop())

  it('nothing wrong with the right certificates', async () => {
    const { findings, well } = await doctor(tls)
    expect(well).toBe(true)
    expect(findings.find(({ part }) => part === 'broker')?.message).toContain('with TLS')
  })

  it.each([
    ['a wrong authority', { WEBMON_KAFKA_SSL_CAFILE: 'other-ca.pem' }, /^the certificate of .* is not trusted/],
  ])('%s', async (_, more, message) => {
    const finding = await fault({ ...tls, ...inFolder(more) })
    expect(finding).toMatchObject({ part: 'broker', message: expect.stringMatching(message) })
  })

  it.each([
    ['database.sslkey', { WEBMON_DATABASE_SSLCERT: 'stranger.pem', WEBMON_DATABASE_SSLKEY: 'client.key' }],
    ['kafka.ssl.keyfile', { WEBMON_KAFKA_SSL_CERTFILE: 'stranger.pem' }],
  ])('a key of another certificate: %s', async (key, more) => {
    expect(await fault({ ...tls, ...inFolder(more) })).toMatchObject({
      part: 'configuration',
      message: expect.stringMatching(new RegExp(`\\(${key}\\): expected the key of .*key values mismatch`)),
    })
  })

  it('a missing certificate of ours', async () => {
    const without = { ...tls, WEBMON_KAFKA_SSL_CERTFILE: '', WEBMON_KAFKA_SSL_KEYFILE: '' }
    expect((await fault(without)).message).toMatch(/^Kafka does not trust the certificate of webmon, or wants one/)
  })

  it('a wrong password', async () => {
    const wrong = { ...sasl, WEBMON_KAFKA_SASL_PASSWORD: 'wrong-marker' }
    expect((await fault(wrong)).message).toMatch(/^Kafka refuses the name or the password/)
    expect((await doctor(wrong)).said).not.toContain('marker')
  })

  it('no right to create the topic, nor to use the group', async () => {
    const { findings, said } = await doctor(sasl)
    expect(findings.filter(({ state }) => state === 'wrong')).toMatchObject([
      {
        part: 'topic',
        message: expect.stringContaining('may not be created with these rights'),
        advice: expect.stringMatching(/kafka-topics\.sh .*--create --topic/),
      },
      {
        part: 'group',
        message: expect.stringContaining('may not be used'),
        advice: expect.stringContaining('kafka-acls'),
      },
    ])
    expect(findings).toContainEqual(
      expect.objectContaining({
        part: 'clock',
        state: 'note',
        message: expect.stringContaining('DESCRIBE the cluster'),
      }),
    )
    expect(said).not.toContain('marker')
  })

  it('a port that wants more than plain text', async () => {
    const plain = { ...env, WEBMON_KAFKA_PORT: String(kafka.ports.sasl) }
    expect((await fault(plain)).advice).toContain('kafka.sasl')
  })
})

/** Files by their names. */
function inFolder(variables: object): Record<string, string> {
  const entries = Object.entries(variables as Record<string, string>)
  return Object.fromEntries(entries.map(([name, value]) => [name, /\.(pem|key)$/.test(value) ? file(value) : value]))
}
