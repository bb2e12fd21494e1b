/**
 * Checks in a process that trusts an authority of the test's: Node reads NODE_EXTRA_CA_CERTS when it starts, and so
 * does webmon. Every name is this machine.
 */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import net from 'node:net'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { AddressFilter } from '../../src/check/addressFilter.ts'
import { Checker } from '../../src/check/checker.ts'
import type { CheckEntry } from '../../src/checkEntry.ts'
import type { Website } from '../../src/website.ts'

export interface TrustingChecks {
  /** One at a time. */
  check(website: Website): Promise<CheckEntry>
  stop(): Promise<void>
}

/** @param authority its certificate, in PEM */
export async function startTrustingChecks(authority: string): Promise<TrustingChecks> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'webmon-tls-'))
  const file = path.join(folder, 'ca.pem')
  writeFileSync(file, authority)
  const child = fork(fileURLToPath(import.meta.url), ['check'], {
    execArgv: ['--import', 'tsx'],
    env: { ...process.env, NODE_EXTRA_CA_CERTS: file },
    // Dates stay dates.
    serialization: 'advanced',
  })
  await once(child, 'message')
  return {
    async check(website) {
      child.send(website)
      const [entry] = await once(child, 'message')
      return entry as CheckEntry
    },
    async stop() {
      const closed = once(child, 'close')
      child.kill('SIGKILL')
      await closed
      rmSync(folder, { recursive: true })
    },
  }
}

if (process.argv[2] === 'check') {
  const checker = new Checker({
    timeoutMs: 5_000,
    maxBodyBytes: 1_000_000,
    userAgent: 'webmon/1.0',
    resolver: {
      resolve: async (host) => [
        net.isIPv6(host) ? { address: host, family: 6 } : { address: net.isIPv4(host) ? host : '127.0.0.1', family: 4 },
      ],
    },
    filter: new AddressFilter([], []),
    proxyFor: () => undefined,
    search: async (pattern, text) => text.includes(pattern),
  })
  process.on('message', async (website: Website) => process.send?.(await checker.check(website)))
  process.on('disconnect', () => process.exit())
  process.send?.('ready')
}
