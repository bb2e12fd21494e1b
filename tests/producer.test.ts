import type { RequestListener } from 'node:http'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type OwnWebsite, startWebsite } from './helpers/ownWebsite.ts'
import { Service, stopServices, until } from './helpers/services.ts'
import { createStack, type Stack } from './helpers/stack.ts'
import { startConsumer } from './helpers/startConsumer.ts'

/** A website that answers as it is told to. */
let answer: RequestListener
let server: OwnWebsite
let url: string
let stack: Stack
beforeAll(async () => {
  server = await startWebsite((request, response) => answer(request, response))
  url = server.url
})
beforeEach(async () => {
  answer = (_, response) => response.end('Hello')
  stack = await createStack()
  await startConsumer(stack)
})
afterEach(async () => {
  await stopServices()
  await stack.stop()
})
afterAll(() => server.stop())

async function insert(columns: Record<string, unknown>): Promise<void> {
  const names = Object.keys(columns)
  await stack.pool.query(
    `INSERT INTO website (${names.join(', ')}) VALUES (${names.map((_, n) => `$${n + 1}`).join(', ')})`,
    Object.values(columns),
  )
}

async function entries(where = 'true'): Promise<Record<string, unknown>[]> {
  const sql = `SELECT website.name, check_entry.* FROM website JOIN check_entry USING (website_id)
                WHERE ${where} ORDER BY check_entry."timestamp"`
  return (await stack.pool.query(sql)).rows
}

describe('the producer', () => {
  it('asks each website in its own way, and never logs a header', async () => {
    const asked: string[] = []
    answer = (request, response) => {
      let body = ''
      request.on('data', (chunk) => {
        body += chunk
      })
      request.on('end', () => {
        asked.push(`${request.method} ${request.headers['x-token']} ${request.headers['user-agent']} ${body}`)
        response.writeHead(request.url === '/moved' ? 302 : 401, { location: '/elsewhere' }).end()
      })
    }
    await insert({
      name: 'own',
      url,
      method: 'POST',
      headers: '{"X-Token":"s3cret"}',
      body: 'ping',
      expected_status: '200,401',
    })
    await insert({ name: 'moved', url: `${url}/moved`, follow_redirects: false, expected_status: '302' })
    await insert({ name: 'off', url, enabled: false })
    const producer = new Service('producer', { ...stack.env, WEBMON_MONITORING_USERAGENT: 'somebody/2' })
    await until(async () => (await entries()).length >= 4)
    for (const entry of await entries("name = 'own'"))
      expect(entry).toMatchObject({ http_status: 401, available: true })
    for (const entry of await entries("name = 'moved'"))
      expect(entry).toMatchObject({ http_status: 302, available: true, redirects: null })
    expect(await entries("name = 'off'")).toEqual([])
    expect(asked).toContain('POST s3cret somebody/2 ping')
    expect(producer.said()).not.toContain('s3cret')
  })

  it('picks up a new, a changed and a deleted website within an interval', async () => {
    const producer = new Service('producer', stack.env)
    await producer.logged(/^checking 0 websites$/)
    await insert({ name: 'new', url: `${url}/before` })
    const seen: string[] = []
    answer = (request, response) => {
      seen.push(request.url as string)
      response.end('Hello')
    }
    await until(() => seen.includes('/before'), 3_000)
    await stack.pool.query('UPDATE website SET url = $1', [`${url}/after`])
    await until(() => seen.includes('/after'), 3_000)
    await stack.pool.query('DELETE FROM website')
    await until(() => producer.log.length > 0)
    await new Promise((resolve) => setTimeout(resolve, 2_500))
    const count = seen.length
    await new Promise((resolve) => setTimeout(resolve, 2_000))
    expect(seen.length).toBe(count)
  })

  it('checks a website once more when it stops being available, beside its turns', async () => {
    let status = 200
    answer = (_, response) => response.writeHead(status).end()
    await insert({ name: 'one', url, interval: 4 })
    await new Service('producer', { ...stack.env, WEBMON_MONITORING_RECHECK: '1' }).logged(/^checking 1 websites$/)
    await until(async () => (await entries()).length >= 1)
    status = 500
    await until(async () => (await entries('http_status = 500')).length >= 3, 20_000)
    const failed = await entries('http_status = 500')
    expect(failed.slice(0, 3).map(({ recheck }) => recheck)).toEqual([false, true, false])
    const [first, again] = failed.map(({ timestamp }) => (timestamp as Date).getTime()) as [number, number]
    expect(Math.abs(again - first - 1_000)).toBeLessThan(300)
  })

  it('says in one line how many checks ran late or not at all, and how many threads are needed', async () => {
    answer = () => undefined
    for (let n = 0; n < 20; n++) await insert({ name: `hanging ${n}`, url, timeout: 2 })
    const producer = new Service('producer', { ...stack.env, WEBMON_PRODUCER_THREADS: '4' })
    const line = await producer.logged(
      /^\d+ checks began late, up to [\d.]+ s, and \d+ were missed; producer\.threads is 4, needed are about \d+$/,
    )
    expect(line.level).toBe('warn')
    // 20 websites of 2 s each second keep 40 busy; a fifth on top.
    await until(() =>
      producer.log.some(({ threads_needed }) => Number(threads_needed) >= 30 && Number(threads_needed) <= 60),
    )
    // No website starves, and none is checked twice at a time.
    await until(async () => new Set((await entries()).map(({ name }) => name)).size === 20)
    for (const { response_time } of await entries()) expect(response_time).toBeLessThan(2_500)
  })
})
