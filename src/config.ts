/** The only reader of the configuration file and of the environment. */
import { existsSync } from 'node:fs'
import path from 'node:path'
import { alerts } from './alertsConfig.ts'
import { parseNameserver } from './check/dns/resolvConf.ts'
import { readYaml } from './configFile.ts'
import { type Environment, Values } from './configSource.ts'
import { anyText, boolean, type Cidr, cidr, list, type Parser, size, text, whole, word } from './configValue.ts'
import { level } from './logger.ts'

export interface TlsFiles {
  /** PEM texts, not paths. Without `ca` the public authorities that Node knows are trusted. */
  readonly ca?: string
  readonly cert?: string
  readonly key?: string
  readonly passphrase?: string
}

export interface HttpConfig {
  readonly host: string
  /** 0: off. */
  readonly port: number
  /** Who may see more than whether the service is well; null: everybody who reaches the port. */
  readonly login: { readonly user: string; readonly password: string } | null
}

export const sslModes = ['disable', 'prefer', 'require', 'verify-ca', 'verify-full'] as const
export const saslMechanisms = ['plain', 'scram-sha-256', 'scram-sha-512'] as const

export type Config = ReturnType<typeof build>
export type KafkaConfig = Config['kafka']
export type DatabaseConfig = Config['database']
export type SpoolConfig = Config['producer']['spool']

/**
 * Reads `config.yaml` of the working directory, or the file that WEBMON_CONFIG_FILE names, and the environment on top.
 *
 * @returns the configuration, and warnings to log once there is a logger
 * @throws {ConfigError} with one line for the first thing that is wrong
 */
export function readConfig(env: Environment = process.env): { config: Config; warnings: string[] } {
  const file = path.resolve(env.WEBMON_CONFIG_FILE || 'config.yaml')
  const values = new Values(file, readYaml(file), env)
  const config = build(values)
  return { config, warnings: values.finish() }
}

/**
 * The part of the configuration that a check needs: of the same file where there is one, and of the environment. What
 * else is in the file is not looked at.
 *
 * @throws {ConfigError} for the first thing that is wrong
 */
export function readMonitoring(env: Environment = process.env): Config['monitoring'] {
  const file = path.resolve(env.WEBMON_CONFIG_FILE || 'config.yaml')
  const optional = !env.WEBMON_CONFIG_FILE && !existsSync(file)
  const values = new Values(file, optional ? new Map() : readYaml(file), env)
  const part = monitoring(values)
  values.requireRight()
  return part
}

/** Every key with its type, its range and its default; a key without a default must be given. */
function build(values: Values) {
  return {
    application: {
      name: values.get('application.name', text, 'Website monitor'),
    },
    logging: {
      level: values.logLevel(values.get('logging.level', level, 'info')),
    },
    monitoring: monitoring(values),
    kafka: {
      brokers: brokers(
        values.get('kafka.server', servers, undefined),
        values.get('kafka.port', whole(1, 65_535), undefined),
      ),
      topic: values.get('kafka.topic', topic, undefined),
      partitions: values.get('kafka.partitions', whole(1, 10_000), 6),
      group: values.get('kafka.consumer.group', text, undefined),
      tls: kafkaTls(values),
      sasl: kafkaSasl(values),
    },
    database: {
      host: values.get('database.host', host, undefined),
      port: values.get('database.port', whole(1, 65_535), undefined),
      db: values.get('database.db', text, undefined),
      user: values.get('database.user', text, undefined),
      password: values.get('database.password', anyText, undefined),
      // Left out means `require`, as the original's connections had it.
      sslMode: values.get('database.sslmode', word(sslModes), 'require'),
      tls: tlsFiles(
        values.pem('database.sslrootcert'),
        values.certificateAndKey('database.sslcert', 'database.sslkey'),
      ),
      migrate: values.get('database.migrate', boolean, true),
      // Days; 0: all is kept.
      retention: {
        entryDays: values.get('database.retention.entries', days, 0),
        hourDays: values.get('database.retention.hours', days, 0),
        dayDays: values.get('database.retention.days', days, 0),
      },
    },
    consumer: {
      threads: values.get('consumer.threads', whole(1, 100), 5),
      http: http(values, 'consumer', 9465),
    },
    producer: {
      threads: values.get('producer.threads', whole(1, 10_000), 50),
      spool: {
        path: folder(values.get('producer.spool.path', anyText, './data/spool')),
        limitBytes: values.get('producer.spool.limit', size(1_000_000, 1_000_000_000_000), 1_000_000_000),
      },
      http: http(values, 'producer', 9464),
    },
    alerts: alerts(values),
  }
}

function monitoring(values: Values) {
  return {
    intervalSeconds: values.get('monitoring.interval', whole(1, 86_400), 30),
    timeoutSeconds: values.get('monitoring.timeout', whole(1, 300), 10),
    recheckSeconds: values.get('monitoring.recheck', whole(0, 3_600), 0),
    maxBodyBytes: values.get('monitoring.maxbody', size(1_000, 100_000_000), 1_000_000),
    userAgent: values.get('monitoring.useragent', text, 'webmon/1.0'),
    proxy: values.get('monitoring.proxy', proxy, 'none'),
    nameservers: values.get('monitoring.nameservers', list(nameserver), []),
    allow: values.get('monitoring.allow', list(cidr), []),
    deny: values.get('monitoring.deny', list(cidr), linkLocal),
    failures: values.get('monitoring.failures', whole(1, 100), 2),
    recoveries: values.get('monitoring.recoveries', whole(1, 100), 1),
  }
}

function http(values: Values, service: 'producer' | 'consumer', port: number): HttpConfig {
  return {
    host: values.get(`${service}.http.host`, text, '127.0.0.1'),
    port: values.get(`${service}.http.port`, whole(0, 65_535), port),
    login: login(values, `${service}.http`),
  }
}

function login(values: Values, key: string): HttpConfig['login'] {
  const user = values.get(`${key}.user`, userName, null)
  const password = values.get(`${key}.password`, text, null)
  if (user === null && password === null) return null
  if (user === null) values.missing(`${key}.user`, `text, together with ${key}.password`)
  if (password === null) values.missing(`${key}.password`, `text, together with ${key}.user`)
  return { user: user ?? '', password: password ?? '' }
}

/** From the working directory. Empty: none. */
function folder(text: string): string {
  return text && path.resolve(text)
}

/** `kafka.ssl: true`, or the files below it; plain text when neither is there. */
function kafkaTls(values: Values): TlsFiles | null {
  const on = values.get('kafka.ssl', boolean, null)
  const ca = values.pem('kafka.ssl.cafile')
  const passphrase = values.get('kafka.ssl.keypassword', anyText, '')
  const pair = values.certificateAndKey('kafka.ssl.certfile', 'kafka.ssl.keyfile', passphrase)
  if (on === false || (on === null && ca === undefined && pair.cert === undefined)) return null
  return { ...tlsFiles(ca, pair), ...(passphrase && { passphrase }) }
}

function tlsFiles(ca: string | undefined, pair: { cert?: string; key?: string }): TlsFiles {
  return { ...(ca && { ca }), ...pair }
}

function kafkaSasl(values: Values) {
  const mechanism = values.get('kafka.sasl.mechanism', word(saslMechanisms), null)
  const username = values.get('kafka.sasl.username', text, null)
  const password = values.get('kafka.sasl.password', anyText, null)
  if (mechanism === null && username === null && password === null) return null
  if (mechanism === null) values.missing('kafka.sasl.mechanism', `one of ${saslMechanisms.join(', ')}`)
  if (username === null) values.missing('kafka.sasl.username', 'text, together with kafka.sasl.mechanism')
  if (password === null) values.missing('kafka.sasl.password', 'text, together with kafka.sasl.mechanism')
  return { mechanism: mechanism ?? 'plain', username: username ?? '', password: password ?? '' }
}

/** A hundred years: PostgreSQL and JavaScript can count back as far. */
const days = whole(0, 36_500)

/** Addresses of a machine's own link, where clouds serve credentials to whoever asks. */
const linkLocal: Cidr[] = [
  { address: '169.254.0.0', prefix: 16 },
  { address: 'fe80::', prefix: 10 },
  { address: 'fd00:ec2::254', prefix: 128 },
]

const proxy: Parser<string> = {
  expected: 'none, environment, or the URL of an HTTP proxy such as http://proxy.example:3128',
  parse(value) {
    if (value === 'none' || value === 'environment') return value
    return URL.canParse(value) && new URL(value).protocol === 'http:' ? value : undefined
  },
}

/** The first colon ends it (RFC 7617, 2). */
const userName: Parser<string> = {
  expected: 'text without a colon',
  parse: (value) => (value.includes(':') ? undefined : text.parse(value)),
}

const nameserver: Parser<string> = {
  expected: 'an address of a name server, with or without its port',
  parse: (value) => parseNameserver(value) && value,
}

const topic: Parser<string> = {
  expected: 'a topic name: up to 249 letters, digits, dots, underscores or hyphens',
  parse: (value) => (/^[\w.-]{1,249}$/.test(value) && !/^\.{1,2}$/.test(value) ? value : undefined),
}

/** A URL would be one that nothing resolves, and its password would be in each line about that. */
const host: Parser<string> = {
  expected: 'a name or an address of a host, or the folder of a socket',
  parse: (value) => (/[\s@]|:\/\//.test(value) ? undefined : text.parse(value)),
}

const servers: Parser<string[]> = {
  expected: 'one host, or several separated by commas, each with or without its own :port',
  parse(value) {
    const list = value.split(',').map((server) => server.trim())
    // No IPv6 literals: kafkajs splits at the first colon.
    const good = (server: string) => {
      const [, port] = /^[^\s:/<>[\]@]+(?::(\d{1,5}))?$/.exec(server) ?? [undefined, '0']
      return port === undefined || (Number(port) >= 1 && Number(port) <= 65_535)
    }
    return list.every(good) ? list : undefined
  },
}

function brokers(list: string[] | undefined, port: number): string[] {
  return (list ?? []).map((server) => (/:\d+$/.test(server) ? server : `${server}:${port}`))
}
