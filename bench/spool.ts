/**
 * The spool on this machine's disk: how fast entries go in, synced, and out again; what one costs at a steady rate; and
 * the memory while nothing is acknowledged.
 *
 *     npm run bench:spool
 *     npm run bench:spool -- --folder /mnt/disk
 */
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { encode } from '../src/message.ts'
import { Spool } from '../src/spool.ts'
import { checkEntry } from '../tests/helpers/entries.ts'
import { report, reportAtLeast } from './stack.ts'

const { values } = parseArgs({
  options: { folder: { type: 'string', default: tmpdir() }, entries: { type: 'string', default: '100000' } },
})
const count = Number(values.entries)
const silent = { trace() {}, debug() {}, info() {}, warn: console.error, error: console.error, fatal: console.error }
const { websiteId } = checkEntry()
/** Different ones: LevelDB compresses. */
const samples = Array.from({ length: 1_000 }, (_, n) => encode(checkEntry({ responseTimeMs: n })))
let added = 0
const sample = () => samples[added++ % samples.length] as string
const portion = { entries: 1_000, bytes: 500_000 }
const folder = mkdtempSync(path.join(values.folder, 'webmon-spool-'))
const open = () => Spool.open({ path: folder, limitBytes: 1e12 }, silent, new AbortController().signal)

/** Adds entries, so many at a time, as that many checks would that fill the pool. */
async function add(spool: Spool, entries: number, atATime: number, next = sample): Promise<void> {
  let left = entries
  const one = async () => {
    while (left-- > 0) await spool.add(websiteId, next(), true)
  }
  await Promise.all(Array.from({ length: atATime }, one))
}

/** As the publisher does, with a broker that takes no time. */
async function drain(spool: Spool): Promise<number> {
  let drained = 0
  for (;;) {
    const taken = await spool.take(portion, 20)
    if (taken.length === 0) return drained
    drained += taken.length
    spool.remove(taken)
  }
}

async function measured(work: () => Promise<unknown>): Promise<{ seconds: number; cpuUs: number }> {
  const [cpu, ms] = [process.cpuUsage(), performance.now()]
  await work()
  const { user, system } = process.cpuUsage(cpu)
  return { seconds: (performance.now() - ms) / 1000, cpuUs: user + system }
}

const perSecond = 1_000

/** Does it so many times a second. @returns us of processor per time */
async function paced(seconds: number, work: () => Promise<void>): Promise<number> {
  const times = seconds * perSecond
  const { cpuUs } = await measured(async () => {
    const working: Promise<void>[] = []
    const beginMs = performance.now()
    for (let n = 0; n < times; n++) {
      const waitMs = beginMs + (n * 1000) / perSecond - performance.now()
      if (waitMs > 0) await sleep(waitMs)
      working.push(work())
    }
    await Promise.all(working)
  })
  return cpuUs / times
}

function folderMb(): number {
  const own = path.join(folder, '1')
  return readdirSync(own).reduce((sum, name) => sum + statSync(path.join(own, name)).size, 0) / 1e6
}

try {
  let spool = await open()
  await add(spool, 5_000, 1_000)
  for (const atATime of [50, 1_000]) {
    const draining = drain(spool)
    const { seconds, cpuUs } = await measured(() => add(spool, count, atATime))
    console.log(`     ${atATime} at a time: ${(cpuUs / count).toFixed(1)} us of processor per entry, in and out`)
    const bar = atATime === 50 ? 4_000 : 20_000
    reportAtLeast(`entries in and out, ${atATime} at a time`, count / seconds, bar, '/s')
    spool.finish()
    await draining
    await spool.close()
    spool = await open()
  }

  const waits: number[] = []
  const pacing = await paced(3, async () => undefined)
  const draining = drain(spool)
  const cpuUs = await paced(10, async () => {
    const fromMs = performance.now()
    await spool.add(websiteId, sample())
    waits.push(performance.now() - fromMs)
  })
  waits.sort((a, b) => a - b)
  const at = (share: number) => waits[Math.floor(waits.length * share)] as number
  console.log(`     ${perSecond} a second: ${(cpuUs - pacing).toFixed(0)} us of processor per entry, in and out`)
  report(`wait for the disk at ${perSecond} a second, p50`, at(0.5), 15, ' ms')
  report(`wait for the disk at ${perSecond} a second, p99`, at(0.99), 60, ' ms')
  spool.finish()
  await draining
  await spool.close()
  console.log(`     ${folderMb().toFixed(0)} MB in the folder after ${added} entries, all of them gone`)

  spool = await open()
  await add(spool, 5_000, 1_000)
  global.gc?.()
  const before = process.memoryUsage.rss()
  await add(spool, count, 1_000, () => encode(checkEntry()))
  global.gc?.()
  const grown = (process.memoryUsage.rss() - before) / 1e6
  report(`memory for ${count} entries that nobody takes`, grown, 30, ' MB')
  await spool.close()
  const { seconds: toOpen } = await measured(async () => {
    spool = await open()
  })
  console.log(
    `     ${folderMb().toFixed(0)} MB in the folder; opened, with ${spool.entries} entries, in ${toOpen.toFixed(2)} s`,
  )
  spool.finish()
  const { seconds: toDrain } = await measured(() => drain(spool))
  reportAtLeast('entries read and removed after a start', (count + 5_000) / toDrain, 20_000, '/s')
  await spool.close()
} finally {
  rmSync(folder, { recursive: true, force: true })
}
