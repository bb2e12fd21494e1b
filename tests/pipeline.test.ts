import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { Service, stopServices, until } from './helpers/services.ts'
import { createStack, type Stack } from './helpers/stack.ts'
import { startWebsites, type Websites } from './helpers/websites.ts'

/** Path or URL, regex; then http_status, regex_match, error, and website.status that are to come of it. */
type Kind = [url: string, regex: string, httpStatus: number, match: boolean, error: string | null, status: string]
const kinds: Record<string, Kind> = {
  matching: ['/hello', 'Hello \\w+', 200, true, null, 'active'],
  'not matching': ['/hello', 'Goodbye', 200, false, null, 'unavailable'],
  'without a regex': ['/hello', '', 200, true, null, 'active'],
  'not found': ['/status/404', 'status', 404, true, null, 'unavailable'],
  'server error': ['/status/500', '', 500, true, null, 'unavailable'],
  redirected: ['/redirect', 'Hello', 200, true, null, 'active'],
  'redirected in a circle': ['/loop', 'Hello', 302, false, 'redirects', 'unavailable'],
  slow: ['/slow', 'Hello', 200, true, null, 'active'],
  'slow in its body': ['/slow-body', 'world', 200, true, null, 'active'],
  refused: ['http://127.0.0.1:CLOSED/', '', 0, false, 'refused', 'unavailable'],
  'unknown host': ['http://no-such-host.invalid/', '', 0, false, 'dns', 'unavailable'],
  'latin-1': ['/latin1', 'caf\\w$', 200, true, null, 'active'],
  truncated: ['/truncated', 'Hello', 200, false, 'aborted', 'unavailable'],
  hanging: ['/hang', '', 0, false, 'timeout', 'unavailable'],
  'of no URL': ['ftp://127.0.0.1/', '', 0, false, 'invalid_url', 'unavailable'],
  'with a bad regex': ['/hello', '(unclosed', 200, false, 'regex', 'unavailable'],
}

let websites: Websites
let stack: Stack
beforeAll(async () => {
  websites = await startWebsites()
  stack = await createStack()
})
afterEach(stopServices)
afterAll(async () => {
  await stack.stop()
  await websites.stop()
})

async function query<T>(sql: string, values: unknown[] = []): Promise<T[]> {
  return (await stack.pool.query(sql, values)).rows as T[]
}

describe('producer and consumer, on a real Kafka and a real PostgreSQL', () => {
  it('bring an entry of each kind of website into the tables, and its status with it', async () => {
    const consumer = new Service('consumer', stack.env)
    await consumer.logged(/^started$/)
    await query('DELETE FROM website')
    for (const [name, [url, regex]] of Object.entries(kinds)) {
      const full = url.startsWith('/') ? websites.url + url : url.replace('CLOSED', String(websites.closedPort))
      // As the original's users insert them, and with the two columns left out that may be.
      if (regex === '') await query('INSERT INTO website (name, url) VALUES ($1, $2)', [name, full])
      else
        await query("INSERT INTO website (name, url, regex, status) VALUES ($1, $2, $3, 'unknown')", [
          name,
          full,
          regex,
        ])
    }
    const producer = new Service('producer', { ...stack.env, WEBMON_MONITORING_TIMEOUT: '1' })
    await until(async () => {
      const [row] = await query<{ websites: string }>('SELECT count(DISTINCT website_id) AS websites FROM check_entry')
      return Number(row?.websites) === Object.keys(kinds).length
    })
    const { code } = await producer.stop()
    expect(code).toBe(0)
    const rows = await query<Record<string, unknown>>(
      `SELECT DISTINCT ON (website.name) website.name, website.status, check_entry.*
         FROM website JOIN check_entry USING (website_id) ORDER BY website.name, check_entry."timestamp" DESC`,
    )
    for (const row of rows) {
      const [, regex, http_status, regex_match, error, status] = kinds[row.name as string] as Kind
      expect(row, String(row.name)).toMatchObject({ regex, http_status, regex_match, error, status })
    }
    expect(consumer.log.filter(({ msg }) => msg === 'a website is active').length).toBe(7)
    expect((await consumer.stop()).code).toBe(0)
  })
})
