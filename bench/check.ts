/**
 * Checks per second and processor time per check, side by side with the bare client of Node as the floor: one core for
 * the load, the other for the websites and Kafka. HTTPS with full, verified handshakes. The load is compiled, as what is
 * installed: through tsx each function of webmon costs more than it does there. (Linux: taskset.)
 *
 *     npm run bench:check
 *     npm run bench:check -- --seconds 5 --concurrency 50
 *     WEBMON_BENCH_NODE=/path/to/node npm run bench:check      another Node for the load
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { parseArgs, promisify } from 'node:util'
import { Kafka, logLevel } from 'kafkajs'
import { startKafka } from '../local/kafka.ts'
import { reportAtLeast } from './stack.ts'

const { values } = parseArgs({
  options: { seconds: { type: 'string', default: '6' }, concurrency: { type: 'string', default: '5,50,500' } },
})
const node = process.env.WEBMON_BENCH_NODE ?? process.execPath
const bars = { http: 0.6, https: 0.8 }
const rounds = 3
const compiled = 'data/bench'

interface Result {
  readonly perSecond: number
  readonly cpuUs: number
  readonly rssMb: number
  readonly failed: number
}

await promisify(execFile)(process.execPath, [
  ...['node_modules/typescript/bin/tsc', '--noEmit', 'false', '--outDir', compiled],
])
// Kafka and the websites inherit this process's core; the load gets the other one.
await promisify(execFile)('taskset', ['-acp', '1', String(process.pid)])
const folder = mkdtempSync(path.join(tmpdir(), 'webmon-bench-'))
const kafka = await startKafka()
const admin = new Kafka({ brokers: [kafka.address], logLevel: logLevel.NOTHING }).admin()
await admin.connect()
await admin.createTopics({ topics: [{ topic: 'bench', numPartitions: 6 }] })
await admin.disconnect()
const server = pinned('1', process.execPath, ['--import', 'tsx', 'bench/check/server.ts'])
const [line] = (await once(createInterface({ input: server.stdout as NodeJS.ReadableStream }), 'line')) as [string]
const { http, https, ca } = JSON.parse(line) as { http: number; https: number; ca: string }
const caFile = path.join(folder, 'ca.pem')
writeFileSync(caFile, ca)

try {
  const { stdout } = await promisify(execFile)(node, ['--version'])
  console.log(`Node ${stdout.trim()}, ${values.seconds} s each, best of ${rounds} rounds side by side`)
  for (const [protocol, port] of Object.entries({ http, https })) {
    for (const concurrency of values.concurrency.split(',')) {
      const measured = { floor: [] as Result[], webmon: [] as Result[], spooled: [] as Result[] }
      for (let round = 0; round < rounds; round++) {
        for (const kind of ['floor', 'webmon', 'spooled'] as const) {
          measured[kind].push(await load(kind, `${protocol}://127.0.0.1:${port}/`, concurrency))
        }
      }
      const floor = best(measured.floor)
      const webmon = best(measured.webmon)
      const show = ({ perSecond, cpuUs, rssMb, failed }: Result) =>
        `${Math.round(perSecond)}/s, ${Math.round(cpuUs)} us, ${Math.round(rssMb)} MB${failed ? `, ${failed} FAILED` : ''}`
      console.log(
        `     ${protocol} x ${concurrency}: floor ${show(floor)}; webmon ${show(webmon)}; with the spool ${show(best(measured.spooled))}`,
      )
      reportAtLeast(
        `${protocol} x ${concurrency}, of the floor`,
        webmon.perSecond / floor.perSecond,
        bars[protocol as 'http'],
      )
    }
  }
} finally {
  server.disconnect()
  await kafka.stop()
  rmSync(folder, { recursive: true })
}

async function load(kind: string, url: string, concurrency: string): Promise<Result> {
  const program = path.join(compiled, 'bench/check/load.js')
  const child = pinned('0', node, [program, kind, url, concurrency, values.seconds, kafka.address])
  const [result] = (await once(createInterface({ input: child.stdout as NodeJS.ReadableStream }), 'line')) as [string]
  return JSON.parse(result) as Result
}

function pinned(core: string, command: string, args: string[]): ChildProcess {
  return spawn('taskset', ['-c', core, command, ...args], {
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
    env: { ...process.env, NODE_EXTRA_CA_CERTS: path.join(folder, 'ca.pem') },
  })
}

function best(results: Result[]): Result {
  return results.toSorted((a, b) => b.perSecond - a.perSecond)[0] as Result
}
