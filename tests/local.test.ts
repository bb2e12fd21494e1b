import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Kafka, logLevel } from 'kafkajs'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { type DatabaseAddress, parseDatabaseUrl, withClient } from '../local/databaseAddress.ts'
import { type LocalKafka, startKafka } from '../local/kafka.ts'
import { findKafkaRuntime } from '../local/kafkaRuntime.ts'
import { startPostgres } from '../local/postgres.ts'
import { takeKafka, takePostgres } from '../local/servers.ts'

let folder: string
const releasers: (() => Promise<unknown>)[] = []

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'webmon-local-test-'))
})

afterEach(async () => {
  vi.unstubAllEnvs()
  for (const release of releasers.splice(0).reverse()) await release()
  rmSync(folder, { recursive: true, force: true })
})

/** Has it stopped at the end of the test, whatever comes of that. */
function stoppedLater<T extends { stop(): Promise<unknown> }>(server: T): T {
  releasers.push(() => server.stop())
  return server
}

describe('Kafka', () => {
  test('what was sent is there after a clean stop and after a kill, at the same port', async () => {
    const kafka = stoppedLater(await startKafka())
    const { port } = kafka
    await send(kafka, 'first')
    await kafka.stop({ keep: true })
    await expect(messageCount(kafka)).rejects.toThrow(/ECONNREFUSED/)
    await kafka.start()
    await send(kafka, 'second')
    await kafka.kill()
    await kafka.start()
    expect(kafka.port).toBe(port)
    expect(await messageCount(kafka)).toBe(2)
  })

  test('a temporary data folder goes with the broker', async () => {
    const kafka = await startKafka()
    expect(existsSync(kafka.dataFolder)).toBe(true)
    await kafka.stop()
    expect(existsSync(kafka.dataFolder)).toBe(false)
  })

  test('a broker that cannot start is told of with the end of its log', async () => {
    const start = startKafka({ properties: { 'log.retention.ms': 'soon' } })
    await expect(start).rejects.toThrow('Invalid value soon for configuration log.retention.ms')
  })

  test('without Java and Docker one line says what was found and what is needed', async () => {
    vi.stubEnv('PATH', folder)
    vi.stubEnv('JAVA_HOME', '')
    await expect(findKafkaRuntime()).rejects.toThrow(
      /^Kafka needs Java 17 or newer and Maven, or a Docker engine; found no Java, no Maven, no Docker$/,
    )
  })
})

describe('PostgreSQL', () => {
  test('a database is reached with the right password, and not with a wrong one', async () => {
    const postgres = stoppedLater(await startPostgres({ unsafe: true }))
    const database = await postgres.createDatabase()
    expect(await ask(database, 'SELECT current_user AS answer')).toBe('webmon')
    expect(await ask(database, `SELECT current_setting('is_superuser') AS answer`)).toBe('off')
    await expect(ask({ ...database, password: 'wrong' }, 'SELECT 1')).rejects.toThrow(/password authentication failed/)
  })

  test('what was committed is there after a clean stop and after a kill', async () => {
    const postgres = stoppedLater(await startPostgres({ unsafe: true }))
    await ask(postgres.database, 'CREATE TABLE kept (number integer)')
    await postgres.stop({ keep: true })
    await postgres.start()
    await ask(postgres.database, 'INSERT INTO kept VALUES (42)')
    await postgres.kill()
    await postgres.start()
    expect(await ask(postgres.database, 'SELECT number AS answer FROM kept')).toBe(42)
  })

  test('a server that was left in a data folder is ended before a new one starts there', async () => {
    const left = stoppedLater(await startPostgres({ unsafe: true, dataFolder: folder }))
    await ask(left.database, 'CREATE TABLE kept (number integer)')
    const next = stoppedLater(await startPostgres({ unsafe: true, dataFolder: folder }))
    expect(left.process.running).toBe(false)
    expect(await ask(next.database, 'SELECT count(*)::integer AS answer FROM kept')).toBe(0)
  })

  test('a server ends, and its temporary folder goes, when the process that started it is killed', async () => {
    const script = `
      import { startPostgres } from './local/postgres.ts'
      const { process: server, dataFolder } = await startPostgres({ unsafe: true })
      console.log(JSON.stringify({ pid: server.pid, dataFolder }))
      setInterval(() => {}, 1000)`
    const starter = started(['--import', 'tsx', '--input-type=module', '--eval', script])
    const [line] = await until(starter, /^\{.*\}$/m)
    const { pid, dataFolder } = JSON.parse(line)
    expect(runs(pid)).toBe(true)
    starter.process.kill('SIGKILL')
    await vi.waitUntil(() => !runs(pid) && !existsSync(dataFolder), { timeout: 10_000 })
  })
})

describe('servers of the user', () => {
  test('WEBMON_TEST_KAFKA and WEBMON_TEST_DATABASE are taken instead of new ones', async () => {
    const postgres = stoppedLater(await startPostgres({ unsafe: true }))
    vi.stubEnv('WEBMON_TEST_KAFKA', '127.0.0.1:4711')
    vi.stubEnv('WEBMON_TEST_DATABASE', postgres.admin.url)
    expect(await takeKafka()).toMatchObject({ host: '127.0.0.1', port: 4711 })
    const foreign = await takePostgres()
    const database = await foreign.createDatabase()
    expect(await ask(database, 'SELECT current_database() AS answer')).toBe(database.database)
    await foreign.stop()
    await expect(ask(database, 'SELECT 1')).rejects.toThrow(/does not exist/)
    expect(await ask(postgres.database, 'SELECT 1 AS answer')).toBe(1)
  })
})

describe('make local', () => {
  test('Ctrl-C ends all of it with exit code 0, and the next start has the same data at the same port', async () => {
    const first = started(['--import', 'tsx', 'local/main.ts'], { WEBMON_TEST_FOLDER: folder })
    const [, url = ''] = await until(first, /the database: (postgres:\S+).*Ctrl-C ends all of it/s)
    const database = parseDatabaseUrl(url)
    await ask(database, 'CREATE TABLE kept (number integer)')
    first.process.kill('SIGINT')
    expect(await first.ended).toBe(0)
    await expect(ask(database, 'SELECT 1')).rejects.toThrow(/ECONNREFUSED/)

    const second = started(['--import', 'tsx', 'local/main.ts'], { WEBMON_TEST_FOLDER: folder })
    await until(second, /Ctrl-C ends all of it/)
    expect(await ask(database, 'SELECT count(*)::integer AS answer FROM kept')).toBe(0)
    second.process.kill('SIGINT')
    expect(await second.ended).toBe(0)
  })

  test('a wrong configuration is one line, before anything is started', async () => {
    const env = { WEBMON_TEST_FOLDER: folder, WEBMON_KAFKA_PARTITIONS: 'many' }
    const local = started(['--import', 'tsx', 'local/main.ts'], env)
    expect(await local.ended).toBe(1)
    expect(local.output()).toMatch(/^WEBMON_KAFKA_PARTITIONS .*: "many": expected a whole number from 1 to 10000\n$/)
  })
})

const topic = 'kept'

async function send(kafka: LocalKafka, value: string): Promise<void> {
  const client = new Kafka({ brokers: [kafka.address], logLevel: logLevel.NOTHING })
  const admin = client.admin()
  const producer = client.producer()
  await Promise.all([admin.connect(), producer.connect()])
  await admin.createTopics({ topics: [{ topic, numPartitions: 1 }] })
  await producer.send({ topic, messages: [{ value }] })
  await Promise.all([admin.disconnect(), producer.disconnect()])
}

async function messageCount(kafka: LocalKafka): Promise<number> {
  const admin = new Kafka({ brokers: [kafka.address], logLevel: logLevel.NOTHING, retry: { retries: 0 } }).admin()
  try {
    await admin.connect()
    return Number((await admin.fetchTopicOffsets(topic))[0]?.high)
  } finally {
    await admin.disconnect()
  }
}

/** The column `answer` of the first row. */
function ask(database: DatabaseAddress, statement: string): Promise<unknown> {
  return withClient(database, async (client) => (await client.query(statement)).rows[0]?.answer)
}

interface Started {
  readonly process: ChildProcess
  output(): string
  readonly ended: Promise<number | null>
}

/** A Node process in the project's folder, which is killed at the end of the test if it still runs. */
function started(args: string[], env: Record<string, string> = {}): Started {
  const child = spawn(process.execPath, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk))
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
  releasers.push(async () => {
    child.kill('SIGKILL')
    await ended
  })
  return { process: child, output: () => output, ended }
}

async function until({ output, process }: Started, expected: RegExp): Promise<RegExpExecArray> {
  const deadline = Date.now() + 45_000
  for (;;) {
    const found = expected.exec(output())
    if (found) return found
    if (process.exitCode !== null || Date.now() > deadline) throw new Error(`${expected} is not in:\n${output()}`)
    await sleep(50)
  }
}

function runs(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
