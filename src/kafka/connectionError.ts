import type { KafkaConfig } from '../config.ts'
import { type Finding, wrong } from '../finding.ts'
import { messageOf } from '../retry.ts'

/** Why Kafka cannot be used, and what to do. The words are kafkajs's and Node's; a password is in none. */
export function describeConnectionError(error: unknown, config: KafkaConfig): Finding {
  const message = messageOf(error)
  const at = config.brokers.join(', ')
  const say = (what: string, advice: string) => wrong('broker', what, advice)
  if (/ECONNREFUSED/.test(message)) {
    const where = /ECONNREFUSED (\S+)/.exec(message)?.[1] ?? at
    return say(`nothing listens at ${where}`, 'start Kafka, or correct kafka.server and kafka.port')
  }
  if (/ENOTFOUND|EAI_AGAIN/.test(message)) {
    const name = /(?:ENOTFOUND|EAI_AGAIN) (\S+)/.exec(message)?.[1] ?? at
    return config.brokers.some((broker) => broker.startsWith(`${name}:`))
      ? say(`the name ${name} does not resolve`, 'correct kafka.server, or the name server')
      : say(`Kafka calls itself ${name}, which does not resolve here`, 'correct advertised.listeners of the broker')
  }
  if (/SASL|authentication/i.test(message)) {
    return say(
      `Kafka refuses the name or the password (${message})`,
      'correct kafka.sasl: mechanism, username, password',
    )
  }
  if (/alert|certificate required|bad certificate/i.test(message)) {
    return say(
      `Kafka does not trust the certificate of webmon, or wants one (${message})`,
      'kafka.ssl.certfile must be of an authority that the broker knows',
    )
  }
  if (/self.signed|unable to (verify|get)|certificate has expired|altname/i.test(message)) {
    return say(
      `the certificate of ${at} is not trusted: ${message}`,
      'kafka.ssl.cafile must be the authority that issued it, and it must be for this name',
    )
  }
  if (/wrong version number|packet length/i.test(message)) {
    return say(`${at} does not speak TLS on that port`, 'correct kafka.port, or leave kafka.ssl out')
  }
  if (/timeout|timed out|closed|ECONNRESET|hang up/i.test(message)) {
    return say(
      `${at} does not answer as Kafka does (${message})`,
      'look at the network between; if the port wants TLS or SASL, set kafka.ssl and kafka.sasl',
    )
  }
  return say(`Kafka at ${at} cannot be used: ${message}`, "look at the broker's log")
}
