import { createHash } from 'node:crypto'
import { closeSync, openSync, writeSync } from 'node:fs'
import { v7 as uuidv7 } from 'uuid'
import type { CheckEntry } from '../../src/checkEntry.ts'
import { checkEntry } from '../../tests/helpers/entries.ts'

/** The ids of so many websites, the same each time. */
export function websiteIds(count: number): string[] {
  return Array.from({ length: count }, (_, n) => {
    const hex = createHash('sha256').update(`website ${n}`).digest('hex')
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`
  })
}

const certificate = {
  begins: new Date('2026-01-01T00:00:00Z'),
  expires: new Date('2036-01-01T00:00:00Z'),
  issuer: "Let's Encrypt, R11",
}

/** An entry as a check of a good website over TLS makes it; one in a hundred has failed. */
export function realisticEntry(websiteId: string, timestamp: Date, n: number): CheckEntry {
  const responseTimeMs = 20 + ((n * 7919) % 400)
  const good = n % 100 !== 0
  return checkEntry({
    id: uuidv7({ msecs: timestamp.getTime() + responseTimeMs }),
    websiteId,
    timestamp,
    responseTimeMs,
    httpStatus: good ? 200 : 503,
    regex: 'Welcome to',
    regexMatch: good,
    available: good,
    dnsTimeMs: 1,
    connectTimeMs: 8,
    tlsTimeMs: 9,
    firstByteTimeMs: responseTimeMs - 18,
    bodyTimeMs: 3,
    certificate,
  })
}

/** The columns of `check_entry` in the order of the lines of `writeRows`. */
export const csvColumns =
  'check_entry_id, website_id, "timestamp", response_time, http_status, regex, regex_match, available, ' +
  'dns_time, connect_time, tls_time, first_byte_time, body_time, recheck'

/** Writes entries for \copy, in the order in which they come. */
export class CsvFile {
  readonly #file: number

  constructor(path: string) {
    this.#file = openSync(path, 'w')
  }

  write(entries: readonly CheckEntry[]): void {
    const lines = entries.map((entry) =>
      [
        entry.id,
        entry.websiteId,
        entry.timestamp.toISOString(),
        entry.responseTimeMs,
        entry.httpStatus,
        entry.regex,
        entry.regexMatch,
        entry.available,
        entry.dnsTimeMs,
        entry.connectTimeMs,
        entry.tlsTimeMs,
        entry.firstByteTimeMs,
        entry.bodyTimeMs,
        entry.recheck,
      ].join(','),
    )
    writeSync(this.#file, `${lines.join('\n')}\n`)
  }

  close(): void {
    closeSync(this.#file)
  }
}
