import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { kinds } from './helpers/kinds.ts'
import { Service, stopServices, until } from './helpers/services.ts'
import { createStack, type Stack } from './helpers/stack.ts'
import { startWebsites, type Websites } from './helpers/websites.ts'

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
    for (const { name, path, regex } of kinds) {
      const url = websites.urlOf(path)
      // As the original's users insert them, and with the two columns left out that may be.
      if (regex === '') await query('INSERT INTO website (name, url) VALUES ($1, $2)', [name, url])
      else
        await query("INSERT INTO website (name, url, regex, status) VALUES ($1, $2, $3, 'unknown')", [name, url, regex])
    }
    const producer = new Service('producer', { ...stack.env, WEBMON_MONITORING_TIMEOUT: '1' })
    await until(async () => {
      const [row] = await query<{ websites: string }>('SELECT count(DISTINCT website_id) AS websites FROM check_entry')
      return Number(row?.websites) === kinds.length
    })
    const { code } = await producer.stop()
    expect(code).toBe(0)
    const rows = await query<Record<string, unknown>>(
      `SELECT DISTINCT ON (website.name COLLATE "C") website.name, website.status, check_entry.*
         FROM website JOIN check_entry USING (website_id) ORDER BY website.name COLLATE "C", check_entry."timestamp" DESC`,
    )
    const found = rows.map(({ name, regex, http_status, regex_match, error, status }) => ({
      name,
      regex,
      httpStatus: http_status,
      match: regex_match,
      error,
      status,
    }))
    const expected = kinds.map(({ path: _, ...kind }) => kind)
    expect(found).toEqual(expected.sort((a, b) => (a.name < b.name ? -1 : 1)))
    expect(consumer.log.filter(({ msg }) => msg === 'a website is active').length).toBe(
      kinds.filter(({ status }) => status === 'active').length,
    )
    expect((await consumer.stop()).code).toBe(0)
  })
})
