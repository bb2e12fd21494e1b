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
const first = (runs[0] as [number, Measured])[1]
const others = ['consumer', 'PostgreSQL', 'Kafka', 'the websites']
const rows = runs.map(([count, { shares, checksPerSecond, cores, producerMb, consumerMb }]) => {
  const ofProducers = Array.from({ length: count }, (_, n) => cores.get(`producer ${n + 1}`) as number)
  const sum = ofProducers.reduce((total, share) => total + share, 0)
  return [
    String(count),
    shares?.join(', ') ?? 'not shared',
    String(Math.round(checksPerSecond)),
    (checksPerSecond / first.checksPerSecond).toFixed(2),
    ofProducers.map(percent).join(', '),
    ...others.map((part) => percent(cores.get(part) as number)),
    ...[sum, ...others.map((part) => cores.get(part) as number)].map((n) =>
      String(Math.round((n * 1e6) / checksPerSecond)),
    ),
    `${Math.round(producerMb)}, ${Math.round(consumerMb)}`,
  ]
})
const parts = ['producers', ...others]
console.log(
  `${values.threads} checks at a time in each producer, websites that take ${values.delay} ms, ${values.seconds} s`,
)
console.log(
  table(
    [
      ...['producers', 'shards', 'checks/s', 'ratio'],
      ...parts.map((part) => `${part}, %`),
      ...parts.map((part) => `${part}, us a check`),
      'MB at most',
    ],
    rows,
  ),
)

/** Of a core. */
function percent(cores: number): string {
  return (cores * 100).toFixed(0)
}
