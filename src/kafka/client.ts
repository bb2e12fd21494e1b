import type { Socket } from 'node:net'
import { Kafka, type KafkaConfig as KafkaJsConfig, type LogEntry, logLevel, type RetryOptions } from 'kafkajs'
import ConnectionPool from 'kafkajs/src/network/connectionPool.js'
import RequestQueue from 'kafkajs/src/network/requestQueue/index.js'
import type { KafkaConfig } from '../config.ts'
import type { Logger } from '../logger.ts'
import { readRecordsAsViews } from './fetchResponse.ts'

export type ClientLogger = Pick<Logger, 'debug' | 'warn'>

/**
 * After a broker was away for 36 s, these had producer and consumer back 2 s after it answered; kafkajs's own defaults
 * (30 s at most, 5 attempts) gave up after 10 s in the producer and took 8 s in the consumer.
 */
export const patient = { initialRetryTime: 100, maxRetryTime: 2_000, retries: 1_000_000 }

/** @param retry how often kafkajs tries again by itself; by default for as long as it takes */
export function kafkaClient(
  config: KafkaConfig,
  clientId: string,
  logger: ClientLogger,
  retry: RetryOptions = patient,
): Kafka {
  stopIdleTimer()
  readRecordsAsViews()
  closeSilentConnections()
  return new Kafka({
    clientId,
    brokers: config.brokers,
    ssl: config.tls ?? false,
    ...(config.sasl && { sasl: config.sasl as NonNullable<KafkaJsConfig['sasl']> }),
    connectionTimeout: 5_000,
    retry,
    logLevel: logLevel.WARN,
    logCreator: () => logTo(logger),
  })
}

/**
 * kafkajs tells of one failed attempt in several lines: the connection's is the one that names address and reason.
 * A refused request ("Response ...") it mends by itself, or throws.
 */
function logTo(logger: ClientLogger): (entry: LogEntry) => void {
  return ({ namespace, level, log: { message, broker, topic, partition, error } }) => {
    const reason = error instanceof Error ? error.message : error
    const important = level === logLevel.ERROR && namespace === 'Connection' && !message.startsWith('Response')
    const msg = `Kafka: ${message}${important && broker ? ` (${broker})` : ''}`
    const fields = { namespace, broker, topic, partition, error: reason }
    if (important) logger.warn({ ...fields, repeats: msg }, msg)
    else logger.debug(fields, msg)
  }
}

/**
 * kafkajs re-arms a timer of 1 ms per connection as long as it lives: 3 % of a core when idle, 0.3 % with this
 * (kafkajs issues 1556, 1704), and on Node 24 a TimeoutNegativeWarning (1751). Only a queue with something pending
 * needs the timer.
 */
function stopIdleTimer(): void {
  const prototype = RequestQueue.prototype as { scheduleCheckPendingRequests(): void; pending: unknown[] }
  const original = prototype.scheduleCheckPendingRequests
  if (original.name === 'scheduleWhenPending') return
  prototype.scheduleCheckPendingRequests = function scheduleWhenPending(this: typeof prototype) {
    if (this.pending.length > 0) original.call(this)
  }
}

/** kafkajs's connections to one broker: one of them is for fetching alone. */
interface Connections {
  readonly pool: { isConnected(): boolean; socket?: Socket }[]
  send(request: unknown): Promise<unknown>
}

/**
 * kafkajs sends over and over on a connection that does not answer, until the kernel gives it up: a quarter of an hour
 * after a firewall forgot it. As Kafka's own client does, it is closed with the first request that has waited too long
 * (30 s), and the other ones to this broker with it: each would take its own 30 s. What comes next opens new ones.
 */
function closeSilentConnections(): void {
  const prototype = ConnectionPool.prototype as Connections
  const original = prototype.send
  if (original.name === 'sendOrClose') return
  prototype.send = async function sendOrClose(this: Connections, request) {
    try {
      return await original.call(this, request)
    } catch (error) {
      if ((error as Error).name === 'KafkaJSRequestTimeoutError') {
        for (const connection of this.pool) if (connection.isConnected()) connection.socket?.destroy(error as Error)
      }
      throw error
    }
  }
}
