import { mkdtempSync } from 'node:fs'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Kafka, logLevel } from 'kafkajs'
import { type Broker, type BrokerRuntime, pidFile } from './broker.ts'
import type { BrokerPorts, BrokerSecurity } from './brokerProperties.ts'
import { findKafkaRuntime, type RuntimeOptions } from './kafkaRuntime.ts'
import { freePort } from './ports.ts'
import { BackgroundProcess, lastLines } from './process.ts'

export interface KafkaOptions extends RuntimeOptions, BrokerSecurity {
  /** Of the plain text listener; by default a free one. */
  readonly port?: number | undefined
  /** Kept at the end. By default a temporary folder, which `stop` deletes. */
  readonly dataFolder?: string | undefined
  /** Properties of the broker, which go before ours. */
  readonly properties?: Readonly<Record<string, string>>
  /** More options for the Java machine; the last of two wins. */
  readonly java?: readonly string[]
}

/** Small and quick to start: the optimizing compiler and a parallel collector cost a short run more than they save. */
const javaOptions = [
  '-Xmx512m',
  '-XX:+UseSerialGC',
  '-XX:TieredStopAtLevel=1',
  '-XX:-UsePerfData',
  '-Dlog4j2.level=WARN',
]
const readyWithinMs = 90_000
const stopWithinMs = 20_000

/** Starts a broker on free ports of 127.0.0.1 and waits until it answers. */
export async function startKafka(options: KafkaOptions = {}): Promise<LocalKafka> {
  const runtime = await findKafkaRuntime(options)
  const { tls, users } = options
  const ports: BrokerPorts = {
    plain: options.port ?? (await freePort()),
    controller: await freePort(),
    ssl: tls && (await freePort()),
    sasl: users && (await freePort()),
    saslSsl: tls && users && (await freePort()),
  }
  const folder = options.dataFolder ?? mkdtempSync(path.join(tmpdir(), 'webmon-kafka-'))
  const broker: Broker = {
    dataFolder: path.resolve(folder),
    ports,
    security: { ...(tls && { tls }), ...(users && { users }) },
    properties: options.properties ?? {},
    javaOptions: [...javaOptions, ...(options.java ?? [])],
    signal: options.signal,
  }
  const kafka = new LocalKafka(runtime, broker, options.dataFolder === undefined)
  try {
    await kafka.start()
  } catch (error) {
    await kafka.stop()
    throw error
  }
  return kafka
}

/** One broker that is its own controller. Topics are not made by themselves, as in a well-kept Kafka. */
export class LocalKafka {
  readonly host = '127.0.0.1'
  /** Of the listeners: `plain` has neither TLS nor passwords; the others are there with `tls` and `users`. */
  readonly ports: BrokerPorts
  readonly dataFolder: string
  readonly logFile: string
  #process: BackgroundProcess | undefined

  constructor(
    private readonly runtime: BrokerRuntime,
    private readonly broker: Broker,
    private readonly temporary: boolean,
  ) {
    this.ports = broker.ports
    this.dataFolder = broker.dataFolder
    this.logFile = path.join(broker.dataFolder, 'kafka.log')
  }

  get port(): number {
    return this.ports.plain
  }

  /** `host:port` of the plain text listener. */
  get address(): string {
    return `${this.host}:${this.port}`
  }

  /** Of the broker that was started last. */
  get process(): BackgroundProcess {
    if (!this.#process) throw new Error('not started')
    return this.#process
  }

  /** Also again after `kill` or `stop({ keep: true })`: on the same ports, with the same data. */
  async start(): Promise<void> {
    if (this.#process?.running) return
    await mkdir(this.dataFolder, { recursive: true })
    await rm(this.logFile, { force: true })
    const command = await this.runtime.prepare(this.broker)
    const leftover = this.temporary ? this.dataFolder : undefined
    this.#process = await BackgroundProcess.start(command, this.logFile, 'SIGTERM', leftover)
    await writeFile(pidFile(this.broker), `${this.#process.pid}\n`)
    await this.#untilItAnswers(this.#process)
  }

  /**
   * Ends it cleanly. A temporary data folder goes with it, unless it is to be started again.
   *
   * @param hurry aborted: the broker is killed, which costs the next start a few seconds and no data
   */
  async stop({ keep = false, hurry }: { keep?: boolean; hurry?: AbortSignal } = {}): Promise<void> {
    await this.#process?.stop(stopWithinMs, hurry)
    if (!this.temporary || keep) return
    await this.runtime.remove(this.broker)
    await rm(this.dataFolder, { recursive: true, force: true })
  }

  /** Ends it as a crash would. */
  async kill(): Promise<void> {
    await this.runtime.kill(this.broker)
    await this.#process?.kill()
  }

  /** An open port is not enough: the broker must know itself, lead its partitions, and coordinate groups. */
  async #untilItAnswers(process: BackgroundProcess): Promise<void> {
    const deadline = Date.now() + readyWithinMs
    while (!(await this.#answers())) {
      this.broker.signal?.throwIfAborted()
      if (!process.running || Date.now() > deadline) {
        const what = process.running
          ? `did not answer within ${readyWithinMs / 1000} s`
          : `ended (${await process.ended})`
        const log = await readFile(this.logFile, 'utf8').catch(() => '')
        throw new Error(`Kafka ${what}; the end of ${this.logFile}:\n${lastLines(log, 15)}`)
      }
      await sleep(50)
    }
  }

  async #answers(): Promise<boolean> {
    const admin = new Kafka({
      brokers: [this.address],
      logLevel: logLevel.NOTHING,
      connectionTimeout: 1000,
      requestTimeout: 2000,
      retry: { retries: 0 },
    }).admin()
    try {
      await admin.connect()
      if ((await admin.describeCluster()).brokers.length === 0) return false
      for (const topic of await admin.listTopics()) await admin.fetchTopicOffsets(topic)
      // Makes the topic of the groups' offsets, for which the first consumer would have to wait.
      await admin.fetchOffsets({ groupId: 'webmon-local', topics: [] })
      return true
    } catch {
      return false
    } finally {
      await admin.disconnect().catch(() => {})
    }
  }
}
