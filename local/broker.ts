import { randomBytes } from 'node:crypto'
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
  const clusterId = randomBytes(16).toString('base64url')
  // In one word: an id can begin with a hyphen, and as a word of its own it would be taken for an option.
  return [
    'format',
    `--cluster-id=${clusterId}`,
    '-c',
    propertiesFile,
    '--ignore-formatted',
    ...scramUsers(broker.security),
  ]
}
