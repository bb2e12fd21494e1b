/**
 * One process that checks as fast as it can, so many at a time, and prints what it did as JSON.
 *
 *     load.ts floor|webmon|spooled URL CONCURRENCY SECONDS [BROKER]
 *
 * floor: the bare client of node:http or node:https, which reads the page and does no more.
 * webmon: the pool, the check with everything on (phases, page, charset, regex), its message, and Kafka.
 * spooled: the same, each entry synced to the disk before its check counts as finished.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import http from 'node:http'
import https from 'node:https'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { AddressFilter } from '../../src/check/addressFilter.ts'
import { Checker } from '../../src/check/checker.ts'
import { Resolver } from '../../src/check/dns/resolver.ts'
import { CheckPool } from '../../src/check/pool.ts'
import { RegexSearch } from '../../src/check/regex/search.ts'
import { limitHeapGrowth } from '../../src/heapGrowth.ts'
import { kafkaClient } from '../../src/kafka/client.ts'
import { Publisher } from '../../src/kafka/publisher.ts'
import { encode } from '../../src/message.ts'
import { Spool } from '../../src/spool.ts'
import { Standstills } from '../../src/standstills.ts'
import type { Website } from '../../src/website.ts'
import { website as websiteOf } from '../../tests/helpers/entries.ts'

const [kind, url, concurrencyText, secondsText, broker] = process.argv.slice(2) as [
  string,
  string,
  string,
  string,
  string?,
]
const concurrency = Number(concurrencyText)
const warmUpMs = 2_000
const silent = { trace() {}, debug() {}, info() {}, warn() {}, error: console.error, fatal: console.error }

let done = 0
let failed = 0
const start: () => void = kind === 'floor' ? floor() : await webmon()
for (let n = 0; n < concurrency; n++) start()

setTimeout(() => {
  const before = { done, failed, cpu: process.cpuUsage(), ms: performance.now() }
  setTimeout(() => {
    const { user, system } = process.cpuUsage(before.cpu)
    const checks = done - before.done
    const result = {
      perSecond: (checks / (performance.now() - before.ms)) * 1000,
      cpuUs: (user + system) / checks,
      rssMb: process.memoryUsage.rss() / 1e6,
      failed: failed - before.failed,
    }
    process.stdout.write(`${JSON.stringify(result)}\n`)
    process.exit()
  }, Number(secondsText) * 1000)
}, warmUpMs)

function floor(): () => void {
  const secured = url.startsWith('https:')
  const client = secured ? https : http
  const agent = secured
    ? new https.Agent({ keepAlive: false, maxCachedSessions: 0 })
    : new http.Agent({ keepAlive: false })
  const next = () => {
    client
      .get(url, { agent }, (response) => {
        response.on('data', () => undefined)
        response.on('end', () => {
          done++
          next()
        })
      })
      .on('error', () => {
        failed++
        next()
      })
  }
  return next
}

async function webmon(): Promise<() => void> {
  limitHeapGrowth(concurrency)
  const config = { brokers: [broker as string], topic: 'bench', partitions: 6, group: 'bench', tls: null, sasl: null }
  const kafka = kafkaClient(config, 'bench', silent)
  const folder = mkdtempSync(path.join(tmpdir(), 'webmon-bench-'))
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
  const spool = await Spool.open(
    { path: kind === 'spooled' ? folder : '', limitBytes: 1e9 },
    silent,
    new AbortController().signal,
  )
  const publisher = new Publisher(kafka, 'bench', spool, silent)
  await publisher.start((error) => console.error(error))
  const regexSearch = new RegexSearch()
  const checker = new Checker({
    timeoutMs: 10_000,
    maxBodyBytes: 1_000_000,
    userAgent: 'webmon/1.0',
    resolver: new Resolver(),
    filter: new AddressFilter([], [{ address: '169.254.0.0', prefix: 16 }]),
    proxyFor: () => undefined,
    search: (pattern, text) => regexSearch.search(pattern, text),
  })
  let n = 0
  const next = () => {
    const id = `00000000-0000-4000-8000-${String(n++ % 10_000).padStart(12, '0')}`
    offer(websiteOf({ id, url, regex: 'needle' }))
  }
  const pool = new CheckPool(
    concurrency,
    ({ website }) => checker.check(website),
    async (entry) => {
      await spool.add(entry.websiteId, encode(entry), pool.full)
      done++
      if (!entry.available) failed++
      next()
    },
    new Standstills(),
    silent,
  )
  const offer = (website: Website) => pool.offer({ website, dueMs: Date.now(), intervalMs: 60_000, missed: 0 })
  return next
}
