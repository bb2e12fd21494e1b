import type { CheckEntry } from '../../src/checkEntry.ts'
import { uuidv7 } from '../../src/uuid.ts'
import type { Website } from '../../src/website.ts'

/** A check entry as the producer makes it, of a good check now, but for what is given. */
export function checkEntry(more: Partial<CheckEntry> = {}): CheckEntry {
  return {
    id: uuidv7(),
    websiteId: '00000000-0000-4000-8000-000000000001',
    timestamp: new Date(),
    responseTimeMs: 12,
    httpStatus: 200,
    regex: '',
    regexMatch: true,
    error: null,
    detail: null,
    available: true,
    dnsTimeMs: 0,
    connectTimeMs: 1,
    tlsTimeMs: null,
    firstByteTimeMs: 11,
    bodyTimeMs: 0,
    redirects: null,
    finalUrl: null,
    recheck: false,
    certificate: null,
    ...more,
  }
}

/** A website that leaves everything to the configuration, but for what is given. */
export function website(more: Partial<Website> = {}): Website {
  return {
    id: '00000000-0000-4000-8000-000000000001',
    name: 'one',
    url: 'http://127.0.0.1/',
    regex: '',
    interval: null,
    timeout: null,
    method: null,
    headers: null,
    body: null,
    expectedStatus: null,
    followRedirects: null,
    verifyCertificate: null,
    ...more,
  }
}
