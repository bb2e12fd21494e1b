/** Starts a Kafka, a PostgreSQL, the consumer and the producer; shows what happens; ends them in reverse order. */
import { existsSync } from 'node:fs'
import path from 'node:path'
import { readConfig } from '../src/config.ts'
import { kafkaClient } from '../src/kafka/client.ts'
import { buildServices } from './build.ts'
import { withoutPassword } from './databaseAddress.ts'
import { FiguresReader } from './figures.ts'
import { showFigures } from './live.ts'
import { freePort } from './ports.ts'
import { ownDatabase } from './postgres.ts'
import { endLeftover, isRunning } from './process.ts'
import { type DatabaseServer, givenDatabase, givenKafka, type KafkaServer, takeKafka, takePostgres } from './servers.ts'
import { serviceEnvironment } from './serviceEnvironment.ts'
import { ServiceProcess } from './serviceProcess.ts'
import { type Ports, readState, type State, stateFolder, writeState } from './state.ts'
import { Stop } from './stop.ts'
import { Terminal } from './terminal.ts'

/** @returns the exit code: 0 when it was stopped, 1 when something failed or ended by itself */
export async function runLocal(): Promise<number> {
  const terminal = new Terminal()
  const say = (line: string) => terminal.say(line)
  const stop = new Stop(say)
  let exitCode = 0
  try {
    exitCode = await startAndShow(terminal, stop)
  } catch (error) {
    if (!stop.asked.aborted) {
      exitCode = 1
      say(error instanceof Error ? error.message : String(error))
    }
  }
  terminal.endLive()
  await stop.undoAll()
  return exitCode
}

async function startAndShow(terminal: Terminal, stop: Stop): Promise<number> {
  const say = (line: string) => terminal.say(line)
  const begun = new Date()
  const seconds = () => `${((Date.now() - begun.getTime()) / 1000).toFixed(1)} s`
  const last = readState()
  if (isRunning(last.pid, 'local/main.ts')) {
    throw new Error(`make local runs already: see its terminal, or end it with kill ${last.pid}`)
  }
  // Before the ports are chosen, which these may still hold.
  await Promise.all(last.processes.map(({ pid, mark }) => endLeftover(pid, mark, 'SIGINT')))
  const ports = {
    kafka: await freePort(last.ports.kafka),
    postgres: await freePort(last.ports.postgres),
    producer: await freePort(last.ports.producer),
    consumer: await freePort(last.ports.consumer),
  }
  const state: State = { pid: process.pid, processes: [], ports }
  writeState(state)

  const database = givenDatabase() ?? ownDatabase(ports.postgres)
  const env = serviceEnvironment(givenKafka(), database, ports)
  const { config } = readConfig(env)
  if (config.kafka.sasl && !givenKafka()) {
    throw new Error('the Kafka of make local asks for no password: comment out kafka.sasl in the configuration')
  }
  const { kafka, postgres } = await startServers(ports, say, stop)
  const yours = (server: { process?: unknown }) => (server.process ? '' : ' (yours)')
  const at = `Kafka at ${kafka.address}${yours(kafka)}, PostgreSQL at ${database.host}:${database.port}${yours(postgres)}`
  say(`${at}: ready after ${seconds()}`)

  const { topic, group } = config.kafka
  const client = kafkaClient(config.kafka, 'webmon local', silent)
  const reader = new FiguresReader({ database, kafka: client, topic, group, since: begun })
  stop.later('figures', () => reader.close())
  await reader.begin()

  const consumer = await ServiceProcess.start('consumer', env, say)
  stop.later('consumer', (hurry) => consumer.stop(hurry))
  const producer = await ServiceProcess.start('producer', env, say)
  stop.later('producer', (hurry) => producer.stop(hurry))
  const processes = [producer, consumer].map(({ pid, program }) => ({ pid, mark: program }))
  for (const server of [kafka, postgres]) {
    if (server.process && server.dataFolder) processes.push({ pid: server.process.pid, mark: server.dataFolder })
  }
  writeState({ ...state, processes, database: database.url })
  say(`consumer and producer started; their logs: ${shown(consumer.logFile)}, ${shown(producer.logFile)}`)
  // Ours has a password that everybody may know.
  const url = givenDatabase() ? withoutPassword(database) : database.url
  say(`the database: ${url}`)
  const port = env.WEBMON_CONSUMER_HTTP_PORT
  if (port !== '0') say(`the page: http://127.0.0.1:${port}/`)
  say(`how to look:  make rows${inPath('psql') ? `, or psql ${url}` : ''}`)
  say(`Ctrl-C ends all of it; the data stays in ${shown(stateFolder)}`)

  const over = new AbortController()
  void showFigures(reader, terminal, seconds, AbortSignal.any([over.signal, stop.asked]))
  const first = await Promise.race([
    stop.askedFor,
    firstEnd({ producer, consumer, Kafka: kafka.process, PostgreSQL: postgres.process }),
  ])
  over.abort()
  terminal.endLive()
  if (first === undefined) return 0
  say(`${first.name} ended by itself: ${first.how}`)
  const service = [producer, consumer].find(({ name }) => name === first.name)
  for (const line of (await service?.lastWords()) ?? []) say(`  ${line}`)
  return 1
}

/** Kafka, PostgreSQL and the compiler side by side; when one fails, the others are given up. */
async function startServers(
  ports: Ports,
  say: (line: string) => void,
  stop: Stop,
): Promise<{ kafka: KafkaServer; postgres: DatabaseServer }> {
  const ours = [...(givenKafka() ? [] : ['Kafka']), ...(givenDatabase() ? [] : ['PostgreSQL'])]
  if (ours.length > 0) say(`starting ${ours.join(' and ')} ...`)
  const failed = new AbortController()
  const signal = AbortSignal.any([stop.asked, failed.signal])
  const folder = (name: string) => path.join(stateFolder, name)
  const kafka = takeKafka({ port: ports.kafka, dataFolder: folder('kafka'), progress: say, signal })
  const postgres = takePostgres({ port: ports.postgres, dataFolder: folder('postgres'), progress: say, signal })
  const built = buildServices(say, signal)
  try {
    await Promise.all([kafka, postgres, built])
    return { kafka: await kafka, postgres: await postgres }
  } catch (error) {
    failed.abort()
    throw error
  } finally {
    // In this order and not in that of the starts: Kafka is to be stopped first.
    await Promise.allSettled([kafka, postgres, built])
    await postgres.then((server) => stop.later('PostgreSQL', (hurry) => server.stop({ hurry }))).catch(() => {})
    await kafka.then((server) => stop.later('Kafka', (hurry) => server.stop({ hurry }))).catch(() => {})
  }
}

/** Which of them ended first, and how. */
function firstEnd(processes: Record<string, { ended: Promise<string> } | undefined>) {
  const ends = Object.entries(processes).flatMap(([name, process]) =>
    process ? [process.ended.then((how) => ({ name, how }))] : [],
  )
  return Promise.race(ends)
}

/** As short as it is from where the user stands. */
function shown(file: string): string {
  const relative = path.relative(process.cwd(), file)
  return relative.startsWith('..') ? file : relative
}

function inPath(command: string): boolean {
  return (process.env.PATH ?? '').split(path.delimiter).some((folder) => existsSync(path.join(folder, command)))
}

const silent = { trace() {}, debug() {}, info() {}, warn() {}, error() {}, fatal() {} }
