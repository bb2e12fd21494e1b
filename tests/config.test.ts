import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { Authority } from '../local/certificates.ts'
import { readConfig } from '../src/config.ts'
import { ConfigError } from '../src/configSource.ts'

const folder = mkdtempSync(path.join(tmpdir(), 'webmon-config-'))
afterAll(() => rmSync(folder, { recursive: true }))

const authority = await Authority.create()
const [mine, other] = [await authority.issue({ name: 'webmon' }), await authority.issue({ name: 'webmon' })]
const pem = mine.cert
mkdirSync(path.join(folder, 'certs'))
writeFileSync(path.join(folder, 'certs/ca.pem'), pem)
writeFileSync(path.join(folder, 'certs/mine.key'), mine.key, { mode: 0o600 })
writeFileSync(path.join(folder, 'certs/other.key'), other.key, { mode: 0o600 })
writeFileSync(path.join(folder, 'certs/nonsense.pem'), 'hello')
writeFileSync(path.join(folder, 'password'), 'from a file\n', { mode: 0o600 })

/** The original's file, filled in. */
const original = {
  application: { name: "'Website monitor'" },
  logging: { level: 'DEBUG' },
  monitoring: { interval: '30' },
  kafka: {
    server: 'my_kafka.url.com',
    port: '12345',
    topic: 'webmon',
    consumer: { group: 'webmon' },
    ssl: { cafile: './certs/ca.pem', certfile: './certs/ca.pem', keyfile: './certs/mine.key' },
  },
  database: { host: 'mydb.url.com', port: '12345', db: 'defaultdb-webmon-pool', user: 'me', password: '0123' },
  consumer: { threads: '5' },
  producer: { threads: '5' },
}

type Tree = { [key: string]: Tree | string | null }
let files = 0

/** Writes the original's file with some keys set otherwise, or left out (null), and reads it. */
function read(changes: Record<string, string | null> = {}, env: Record<string, string> = {}) {
  const tree = structuredClone(original) as Tree
  for (const [key, value] of Object.entries(changes)) {
    const names = key.split('.')
    const last = names.pop() as string
    let node = tree
    for (const name of names) {
      node[name] ??= {}
      node = node[name] as Tree
    }
    if (value === null) delete node[last]
    else node[last] = value
  }
  return readText(yaml(tree), env)
}

function yaml(tree: Tree, indent = ''): string {
  return Object.entries(tree)
    .map(([key, value]) =>
      typeof value === 'string'
        ? `${indent}${key}: ${value}\n`
        : `${indent}${key}:\n${yaml(value as Tree, `${indent}  `)}`,
    )
    .join('')
}

function readText(text: string, env: Record<string, string> = {}) {
  const file = path.join(folder, `config-${++files}.yaml`)
  writeFileSync(file, text, { mode: 0o600 })
  return readConfig({ ...env, WEBMON_CONFIG_FILE: file })
}

/** The one line of the error, with the file's name shortened. */
function problem(act: () => unknown): string {
  try {
    act()
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError)
    return (error as Error).message
      .replaceAll(/\S*config-\d+\.yaml/g, 'config.yaml')
      .replaceAll(`${folder}/`, 'FOLDER/')
  }
  throw new Error('expected a ConfigError')
}

describe("the original's file", () => {
  it('keeps its meaning, and what it does not say has a default', () => {
    const { config, warnings } = read()
    expect(warnings).toEqual([])
    expect(config).toMatchObject({
      application: { name: 'Website monitor' },
      logging: { level: 'debug' },
      monitoring: { intervalSeconds: 30, timeoutSeconds: 10, maxBodyBytes: 1_000_000 },
      kafka: {
        brokers: ['my_kafka.url.com:12345'],
        topic: 'webmon',
        group: 'webmon',
        partitions: 6,
        tls: { ca: pem, cert: pem, key: mine.key },
        sasl: null,
      },
      database: { host: 'mydb.url.com', port: 12345, sslMode: 'require', migrate: true },
      consumer: { threads: 5, http: { host: '127.0.0.1', port: 9465, login: null } },
      producer: {
        threads: 5,
        spool: { path: path.resolve('data/spool'), limitBytes: 1e9 },
        http: { host: '127.0.0.1', port: 9464, login: null },
      },
    })
  })

  it('may hold a password of digits, which stays as it is written', () => {
    expect(read().config.database.password).toBe('0123')
  })

  it.each(['DEBUG', 'INFO', 'WARNING', 'ERROR', 'CRITICAL', 'warn', 'Fatal', 'trace'])(
    'takes the level %s',
    (level) => {
      const names: Record<string, string> = { warning: 'warn', critical: 'fatal' }
      const expected = names[level.toLowerCase()] ?? level.toLowerCase()
      expect(read({ 'logging.level': level }).config.logging.level).toBe(expected)
    },
  )
})

describe('a wrong file is told in one line, with file, key, value and what was expected:', () => {
  it.each<[string, Record<string, string | null>, string]>([
    [
      'an unknown key',
      { 'monitoring.intervall': '30' },
      'config.yaml: monitoring.intervall: unknown key; did you mean monitoring.interval?',
    ],
    [
      'an unknown key in place of a needed one',
      { 'kafka.server': null, 'kafka.sever': 'a' },
      'config.yaml: kafka.sever: unknown key; did you mean kafka.server?',
    ],
    [
      'an unknown key without its section',
      { intervall: '30' },
      'config.yaml: intervall: unknown key; did you mean monitoring.interval?',
    ],
    [
      'a missing key',
      { 'kafka.topic': null },
      'config.yaml: kafka.topic: missing: expected a topic name: up to 249 letters, digits, dots, underscores or hyphens; add it, or set WEBMON_KAFKA_TOPIC',
    ],
    [
      'a wrong type',
      { 'monitoring.interval': 'soon' },
      'config.yaml: monitoring.interval: "soon": expected a whole number from 1 to 86400',
    ],
    [
      'nothing where a value belongs',
      { 'monitoring.interval': "''" },
      'config.yaml: monitoring.interval: nothing: expected a whole number from 1 to 86400',
    ],
    [
      'a number out of range',
      { 'database.port': '70000' },
      'config.yaml: database.port: "70000": expected a whole number from 1 to 65535',
    ],
    [
      'a fraction',
      { 'producer.threads': '1.5' },
      'config.yaml: producer.threads: "1.5": expected a whole number from 1 to 10000',
    ],
    ['a list', { 'database.db': '[a, b]' }, 'config.yaml: database.db: a list: expected text'],
    [
      'a section in place of a value',
      { 'monitoring.interval': null, 'monitoring.interval.seconds': '5' },
      'config.yaml: monitoring.interval.seconds: unknown key; did you mean monitoring.interval?',
    ],
    [
      'a word of no list',
      { 'database.sslmode': 'on' },
      'config.yaml: database.sslmode: "on": expected one of disable, prefer, require, verify-ca, verify-full',
    ],
    [
      'a level of no logger',
      { 'logging.level': 'LOUD' },
      'config.yaml: logging.level: "LOUD": expected one of DEBUG, INFO, WARNING, ERROR, CRITICAL (or trace, debug, info, warn, error, fatal)',
    ],
    [
      'a spool that is too small',
      { 'producer.spool.limit': '10kB' },
      'config.yaml: producer.spool.limit: "10kB": expected a size from 1MB to 1000GB, such as 1MB',
    ],
    [
      'a size without sense',
      { 'monitoring.maxbody': '1 parsec' },
      'config.yaml: monitoring.maxbody: "1 parsec": expected a size from 1kB to 100MB, such as 1MB',
    ],
    [
      "the original's placeholder",
      { 'database.user': '<enter your info here>' },
      'config.yaml: database.user: "<enter your info here>": expected text',
    ],
    [
      'a server with a scheme',
      { 'kafka.server': 'http://a' },
      'config.yaml: kafka.server: "http://a": expected one host, or several separated by commas, each with or without its own :port',
    ],
    [
      'a file that is not there',
      { 'kafka.ssl.cafile': './certs/no.pem' },
      `config.yaml: kafka.ssl.cafile: "./certs/no.pem": expected a file; there is no FOLDER/certs/no.pem and no ${path.resolve('certs/no.pem')}`,
    ],
    [
      'a key of another certificate',
      { 'kafka.ssl.keyfile': './certs/other.key' },
      'config.yaml: kafka.ssl.keyfile: expected the key of kafka.ssl.certfile; they cannot be used together (key values mismatch)',
    ],
    [
      'a file that is no PEM',
      { 'kafka.ssl.cafile': './certs/nonsense.pem' },
      'config.yaml: kafka.ssl.cafile: FOLDER/certs/nonsense.pem: expected a PEM file, with a line -----BEGIN ...-----',
    ],
    [
      'a certificate without its key',
      { 'kafka.ssl.keyfile': null },
      'config.yaml: kafka.ssl.keyfile: missing: expected a PEM file, together with kafka.ssl.certfile; add it, or set WEBMON_KAFKA_SSL_KEYFILE',
    ],
    [
      'a key without its certificate',
      { 'database.sslkey': './certs/ca.pem' },
      'config.yaml: database.sslcert: missing: expected a PEM file, together with database.sslkey; add it, or set WEBMON_DATABASE_SSLCERT',
    ],
    [
      'half of sasl',
      { 'kafka.sasl.mechanism': 'plain', 'kafka.sasl.username': 'x' },
      'config.yaml: kafka.sasl.password: missing: expected text, together with kafka.sasl.mechanism; add it, or set WEBMON_KAFKA_SASL_PASSWORD',
    ],
  ])('%s', (_, changes, expected) => {
    expect(problem(() => read(changes))).toBe(expected)
  })

  it('no YAML', () => {
    expect(problem(() => readText('kafka: [a\n'))).toMatch(/^config\.yaml: not YAML: .* \(2:1\)$/)
  })

  it('a list in place of the whole', () => {
    expect(problem(() => readText('- a\n'))).toBe(
      "config.yaml: the whole file: expected keys with values, as in the README's table",
    )
  })

  it('no file', () => {
    expect(problem(() => readConfig({ WEBMON_CONFIG_FILE: path.join(folder, 'none.yaml') }))).toBe(
      'FOLDER/none.yaml: cannot be read (ENOENT): expected the configuration file; WEBMON_CONFIG_FILE can name another one',
    )
  })

  it('and never shows a password', () => {
    const line = problem(() => read({ 'database.password': '[s3cret]' }))
    expect(line).toBe('config.yaml: database.password: a list: expected text')
  })
})

describe('the environment', () => {
  it('goes before the file, key by key', () => {
    const { config } = read(
      {},
      { WEBMON_DATABASE_HOST: 'other', WEBMON_MONITORING_INTERVAL: '5', WEBMON_KAFKA_CONSUMER_GROUP: 'g' },
    )
    expect(config.database.host).toBe('other')
    expect(config.monitoring.intervalSeconds).toBe(5)
    expect(config.kafka.group).toBe('g')
  })

  it('can give what the file lacks', () => {
    expect(read({ 'kafka.topic': null }, { WEBMON_KAFKA_TOPIC: 't' }).config.kafka.topic).toBe('t')
  })

  it('can name a file that holds the value, without its final newline', () => {
    const env = { WEBMON_DATABASE_PASSWORD_FILE: path.join(folder, 'password') }
    expect(read({}, env).config.database.password).toBe('from a file')
  })

  it('counts as not set when it is empty', () => {
    expect(read({}, { WEBMON_DATABASE_HOST: '', WEBMON_DATABASE_HOST_FILE: '' }).config.database.host).toBe(
      'mydb.url.com',
    )
  })

  it('may not set a key both ways', () => {
    const env = { WEBMON_DATABASE_PASSWORD: 'a', WEBMON_DATABASE_PASSWORD_FILE: path.join(folder, 'password') }
    expect(problem(() => read({}, env))).toBe(
      'WEBMON_DATABASE_PASSWORD: both it and WEBMON_DATABASE_PASSWORD_FILE are set: expected one of them',
    )
  })

  it('can give everything, beside a file of comments', () => {
    const env = Object.fromEntries(
      [
        'KAFKA_SERVER',
        'KAFKA_PORT',
        'KAFKA_TOPIC',
        'KAFKA_CONSUMER_GROUP',
        'DATABASE_HOST',
        'DATABASE_PORT',
        'DATABASE_DB',
        'DATABASE_USER',
        'DATABASE_PASSWORD',
      ].map((name) => [`WEBMON_${name}`, '1']),
    )
    expect(readText('# nothing here\n\n', env).config.kafka.brokers).toEqual(['1:1'])
  })

  it('names itself in an error', () => {
    expect(problem(() => read({}, { WEBMON_DATABASE_PORT: 'x' }))).toBe(
      'WEBMON_DATABASE_PORT (database.port): "x": expected a whole number from 1 to 65535',
    )
    expect(problem(() => read({}, { WEBMON_LOG_LEVEL: 'x' }))).toMatch(/^WEBMON_LOG_LEVEL: "x": expected one of DEBUG/)
    expect(problem(() => read({}, { WEBMON_DATABASE_HOST_FILE: path.join(folder, 'none') }))).toBe(
      'WEBMON_DATABASE_HOST_FILE: FOLDER/none: cannot be read (ENOENT): expected the name of a file',
    )
  })

  it('sets the level by WEBMON_LOG_LEVEL before WEBMON_LOGGING_LEVEL before the file', () => {
    expect(read({}, { WEBMON_LOGGING_LEVEL: 'ERROR' }).config.logging.level).toBe('error')
    expect(read({}, { WEBMON_LOGGING_LEVEL: 'ERROR', WEBMON_LOG_LEVEL: 'WARNING' }).config.logging.level).toBe('warn')
  })

  it('warns of an unknown variable', () => {
    expect(read({}, { WEBMON_DATABASE_HOTS: 'x', WEBMON_TEST_KAFKA: 'y' }).warnings).toEqual([
      'WEBMON_DATABASE_HOTS: unknown variable, ignored; did you mean WEBMON_DATABASE_HOST?',
    ])
  })

  it('ignores with a warning what Kubernetes injects beside a service of that name', () => {
    const { config, warnings } = read({}, { WEBMON_KAFKA_PORT: 'tcp://10.0.0.1:9092' })
    expect(config.kafka.brokers).toEqual(['my_kafka.url.com:12345'])
    expect(warnings).toEqual([
      'WEBMON_KAFKA_PORT: tcp://10.0.0.1:9092: ignored, it looks set by Kubernetes and not by you',
    ])
  })
})

describe('kafka', () => {
  it('takes several servers, each with its own port or the common one', () => {
    expect(read({ 'kafka.server': "'a, b:1'" }).config.kafka.brokers).toEqual(['a:12345', 'b:1'])
    for (const server of ['[::1]:9092', 'a:99999', 'a:0', 'a,,b']) {
      expect(problem(() => read({ 'kafka.server': `'${server}'` }))).toMatch(/expected one host, or several/)
    }
  })

  it('is plain without ssl, and TLS by public authorities with ssl: true', () => {
    expect(read({ 'kafka.ssl': null }).config.kafka.tls).toBeNull()
    expect(read({ 'kafka.ssl': 'true' }).config.kafka.tls).toEqual({})
    expect(read({ 'kafka.ssl': 'false' }).config.kafka.tls).toBeNull()
  })
})
