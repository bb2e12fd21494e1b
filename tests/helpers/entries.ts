import type pg from 'pg'
import type { CheckEntry } from '../../src/checkEntry.ts'
import type { TopicRecord } from '../../src/topicRecord.ts'
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
    suspectSince: null,
    intervalSeconds: 30,
    certificate: null,
    ...more,
  }
}

/** When incidents open and close, as it is configured by default. */
export const incidents = { failures: 2, recoveries: 1 } as const

/** As it comes out of its message. */
export function decodedEntry(entry: CheckEntry): { record: TopicRecord; entry: CheckEntry } {
  return { entry, record: { topic: 'webmon', partition: 0, offset: 0n, timestampMs: 0, key: null, value: null } }
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

/** Puts entries into the table as they are, past all rollups: as a webmon did that knew none. */
export async function insertBare(pool: pg.Pool, entries: readonly CheckEntry[]): Promise<void> {
  await pool.query(
    `INSERT INTO check_entry (check_entry_id, website_id, "timestamp", response_time, http_status, regex, regex_match,
                              available, error, recheck)
     SELECT id, "websiteId", "timestamp", "responseTimeMs", "httpStatus", regex, "regexMatch", available, error, recheck
       FROM json_to_recordset($1) AS entry (id uuid, "websiteId" uuid, "timestamp" timestamptz, "responseTimeMs" integer,
              "httpStatus" smallint, regex varchar, "regexMatch" boolean, available boolean, error varchar,
              recheck boolean)`,
    [JSON.stringify(entries)],
  )
}
