/**
 * No websites, 60 s: each service under 1 % of a core and under 110 MB. (Linux: figures from /proc.)
 *
 *     npm run bench:idle
 */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { report, withStack } from './stack.ts'

const settleSeconds = 10
const seconds = 60
const ticksPerSecond = Number(execFileSync('getconf', ['CLK_TCK']).toString())

/** Seconds of processor time, user and system together: fields 14 and 15 of proc_pid_stat(5). */
function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ')
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond
}

function residentMb(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1000
}

await withStack({ WEBMON_MONITORING_INTERVAL: '30' }, async ({ consumer, startProducer }) => {
  const services = [consumer, await startProducer()]
  console.error(`waiting ${settleSeconds} s, then measuring for ${seconds} s`)
  await sleep(settleSeconds * 1000)
  const before = services.map(({ pid }) => cpuSeconds(pid))
  await sleep(seconds * 1000)
  services.forEach(({ name, pid }, n) => {
    report(`${name}: processor`, ((cpuSeconds(pid) - (before[n] as number)) / seconds) * 100, 1, ' % of a core')
    report(`${name}: memory`, residentMb(pid), 110, ' MB')
  })
})
