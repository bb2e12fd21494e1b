/** The ports of a broker's listeners; those of the protocols that were not asked for are undefined. */
export interface BrokerPorts {
  readonly plain: number
  readonly controller: number
  readonly ssl: number | undefined
  readonly sasl: number | undefined
  readonly saslSsl: number | undefined
}

export interface BrokerSecurity {
  /** PEM texts. Given: the broker also listens with TLS. */
  readonly tls?: {
    /** Signs the certificates of clients. */
    readonly ca: string
    readonly cert: string
    /** PKCS #8, not encrypted. */
    readonly key: string
    /** Whether a client must show a certificate; by default it must. */
    readonly clientCertificate?: 'required' | 'none'
  }
  /** Passwords by name, for SASL with PLAIN, SCRAM-SHA-256 and SCRAM-SHA-512, without commas. Given: the broker also listens with SASL. */
  readonly users?: Readonly<Record<string, string>>
}

const scramMechanisms = ['SCRAM-SHA-256', 'SCRAM-SHA-512']

/**
 * The properties of a broker that is alone and keeps nothing twice.
 *
 * @param bindAddress where its listeners listen; clients are always sent to 127.0.0.1
 */
export function brokerProperties(
  ports: BrokerPorts,
  logFolder: string,
  bindAddress: string,
  security: BrokerSecurity,
): Record<string, string> {
  const listeners = Object.entries({
    PLAINTEXT: ports.plain,
    SSL: ports.ssl,
    SASL_PLAINTEXT: ports.sasl,
    SASL_SSL: ports.saslSsl,
  }).filter(([, port]) => port !== undefined)
  const at = (host: string) => listeners.map(([name, port]) => `${name}://${host}:${port}`).join(',')
  return {
    'process.roles': 'broker,controller',
    'node.id': '1',
    'controller.quorum.voters': `1@127.0.0.1:${ports.controller}`,
    'controller.listener.names': 'CONTROLLER',
    'inter.broker.listener.name': 'PLAINTEXT',
    listeners: `${at(bindAddress)},CONTROLLER://127.0.0.1:${ports.controller}`,
    'advertised.listeners': at('127.0.0.1'),
    'listener.security.protocol.map': ['CONTROLLER:PLAINTEXT', ...listeners.map(([name]) => `${name}:${name}`)].join(
      ',',
    ),
    'log.dirs': logFolder,
    'auto.create.topics.enable': 'false',
    'offsets.topic.num.partitions': '5',
    'offsets.topic.replication.factor': '1',
    'transaction.state.log.num.partitions': '5',
    'transaction.state.log.replication.factor': '1',
    'transaction.state.log.min.isr': '1',
    'share.coordinator.state.topic.replication.factor': '1',
    'share.coordinator.state.topic.min.isr': '1',
    // By default the first member of a group waits 3 s for others.
    'group.initial.rebalance.delay.ms': '0',
    // A killed broker may come back once its session has ended: after 9 s by default, in which nothing works.
    'broker.session.timeout.ms': '3000',
    'broker.heartbeat.interval.ms': '500',
    // 128 MB by default, a quarter of the heap.
    'log.cleaner.dedupe.buffer.size': '8388608',
    ...tlsProperties(security),
    ...saslProperties(security),
  }
}

function tlsProperties({ tls }: BrokerSecurity): Record<string, string> {
  if (tls === undefined) return {}
  return {
    'ssl.keystore.type': 'PEM',
    'ssl.keystore.certificate.chain': tls.cert,
    'ssl.keystore.key': tls.key,
    'ssl.truststore.type': 'PEM',
    'ssl.truststore.certificates': tls.ca,
    'ssl.client.auth': tls.clientCertificate ?? 'required',
  }
}

function saslProperties({ users }: BrokerSecurity): Record<string, string> {
  if (users === undefined) return {}
  const security = 'org.apache.kafka.common.security'
  const known = Object.entries(users).map(([name, password]) => `user_${name}=${quoted(password)}`)
  const properties: Record<string, string> = {
    'sasl.enabled.mechanisms': ['PLAIN', ...scramMechanisms].join(','),
  }
  for (const listener of ['sasl_plaintext', 'sasl_ssl']) {
    const prefix = `listener.name.${listener}`
    properties[`${prefix}.plain.sasl.jaas.config`] = `${security}.plain.PlainLoginModule required ${known.join(' ')};`
    for (const mechanism of scramMechanisms) {
      const key = `${prefix}.${mechanism.toLowerCase()}.sasl.jaas.config`
      properties[key] = `${security}.scram.ScramLoginModule required;`
    }
  }
  return properties
}

/** SCRAM users live in Kafka's metadata: the formatting puts them there. Its syntax knows quotes, but no escapes. */
export function scramUsers({ users = {} }: BrokerSecurity): string[] {
  return Object.entries(users).flatMap(([name, password]) =>
    scramMechanisms.flatMap((mechanism) => ['--add-scram', `${mechanism}=[name=${name},password="${password}"]`]),
  )
}

function quoted(value: string): string {
  return `"${value.replace(/["\\]/g, '\\$&')}"`
}

/** As Java reads a properties file: https://docs.oracle.com/javase/8/docs/api/java/util/Properties.html#load */
export function writeProperties(properties: Readonly<Record<string, string>>): string {
  return Object.entries(properties)
    .map(([key, value]) => `${key}=${escaped(value)}\n`)
    .join('')
}

function escaped(value: string): string {
  return value
    .replaceAll('\\', '\\\\')
    .replace(/\r?\n/g, '\\n')
    .replace(/^ /, '\\ ')
    .replace(/[^\x20-\x7e]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`)
}
