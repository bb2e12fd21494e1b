/**
 * Both processes from end to end: more websites than the producers can check, on local servers, for a minute. What gets
 * through, and the processor time of each part, by the number of producers. Everything shares the machine, so that once
 * its cores are all in use more producers bring no more; websites that take their time (`--delay`) keep the producers
 * below that. (Linux: figures from /proc.)
 *
 *     npm run bench:pipeline
 *     npm run bench:pipeline -- --producers 1,2,4
 *     npm run bench:pipeline -- --producers 1,2,4 --delay 100      each can make at most 500 checks a second
 *     npm run bench:pipeline -- --websites 2000 --interval 10      at a pace that leaves room
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { parseArgs } from 'node:util'
import { table } from '../src/commands/table.ts'
import { type Measured, measure } from './pipeline/measure.ts'

const { values } = parseArgs({
  options: {
    producers: { type: 'string', default: '1' },
    websites: { type: 'string', default: '10000' },
    interval: { type: 'string', default: '1' },
    seconds: { type: 'string', default: '60' },
    threads: { type: 'string', default: '50' },
    delay: { type: 'string', default: '0' },
  },
})
const counts = values.producers.split(',').map(Number)

const server = spawn(process.execPath, ['--import', 'tsx', 'bench/check/server.ts', values.delay], {
  stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
})
const [line] = (await once(createInterface({ input: server.stdout as NodeJS.ReadableStream }), 'line')) as [string]
const load = {
  websites: Number(values.websites),
  intervalSeconds: Number(values.interval),
  threads: Number(values.threads),
  seconds: Number(values.seconds),
  url: `http://127.0.0.1:${(JSON.parse(line) as { http: number }).http}/`,
  websitesPid: server.pid as number,
}

const runs: [number, Measured][] = []
try {
  for (const count of counts) runs.push([count, await measure(count, load)])
} finally {
  server.disconnect()
}
const others = ['consumer', 'PostgreSQL', 'Kafka', 'the websites']
const first = runs[0]?.[1].checksPerSecond as number
const throughput: string[][] = []
const costs: string[][] = []
for (const [count, { shares, checksPerSecond, cores, producerMb, consumerMb }] of runs) {
  const ofProducers = Array.from({ length: count }, (_, n) => cores.get(`producer ${n + 1}`) as number)
  const ofOthers = others.map((part) => cores.get(part) as number)
  throughput.push([
    ...[String(count), shares?.join(', ') ?? 'not shared'],
    ...[String(Math.round(checksPerSecond)), (checksPerSecond / first).toFixed(2)],
    ...[ofProducers.map(percent).join(', '), ...ofOthers.map(percent)],
  ])
  const all = [ofProducers.reduce((sum, one) => sum + one, 0), ...ofOthers]
  costs.push([
    String(count),
    ...all.map((inUse) => String(Math.round((inUse * 1e6) / checksPerSecond))),
    ...[producerMb, consumerMb].map((mb) => String(Math.round(mb))),
  ])
}
console.log(
  `${values.threads} checks at a time in each producer, websites that take ${values.delay} ms, ${values.seconds} s`,
)
console.log(
  `\n${table(['producers', 'shards', 'checks/s', 'ratio', 'each producer, % of a core', ...others], throughput)}`,
)
console.log(`\n${table(['producers', 'us a check: producers', ...others, 'MB at most: producer', 'consumer'], costs)}`)

function percent(cores: number): string {
  return (cores * 100).toFixed(0)
}
