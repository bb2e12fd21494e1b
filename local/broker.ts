import { createHash } from 'node:crypto'
import path from 'node:path'
import {
  type BrokerPorts,
  type BrokerSecurity,
  brokerProperties,
  scramUsers,
  writeProperties,
} from './brokerProperties.ts'
import type { Command } from './process.ts'

/** What one broker is, whatever runs it. */
export interface Broker {
  /** Known by it: no two brokers share one. */
  readonly dataFolder: string
  readonly ports: BrokerPorts
  readonly security: BrokerSecurity
  /** These go before ours. */
  readonly properties: Readonly<Record<string, string>>
  readonly javaOptions: readonly string[]
  readonly signal: AbortSignal | undefined
}

/** What runs brokers on this machine. */
export interface BrokerRuntime {
  /** Ends what a killed run has left, prepares new data, and says which command is the broker, in the foreground. */
  prepare(broker: Broker): Promise<Command>
  /** Ends at once what a kill -9 of that command would not reach. */
  kill(broker: Broker): Promise<void>
  /** Deletes data that is not in the data folder. */
  remove(broker: Broker): Promise<void>
}

/** Where the number of the broker's process is kept. */
export function pidFile(broker: Broker): string {
  return path.join(broker.dataFolder, 'kafka.pid')
}

export function propertiesOf(broker: Broker, logFolder: string, bindAddress: string): string {
  const { ports, security, properties } = broker
  return writeProperties({ ...brokerProperties(ports, logFolder, bindAddress, security), ...properties })
}

/** What Kafka's StorageTool needs to format an empty data folder. */
export function formatArguments(broker: Broker, propertiesFile: string): string[] {
  const { dataFolder, security } = broker
  return ['format', '-t', clusterId(dataFolder), '-c', propertiesFile, '--ignore-formatted', ...scramUsers(security)]
}

/** The same at each start: a container formats each time, and the data of another cluster would be refused. */
function clusterId(dataFolder: string): string {
  const bytes = createHash('sha256').update(dataFolder).digest().subarray(0, 16)
  // Its text begins with the first bits, and must not begin with a hyphen: it would be taken for an option.
  bytes[0] = (bytes[0] ?? 0) & 0x7f
  return bytes.toString('base64url')
}
