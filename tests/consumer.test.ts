import { readFileSync } from 'node:fs'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { encode } from '../src/message.ts'
import { checkEntry } from './helpers/entries.ts'
import { Service, stopServices, until } from './helpers/services.ts'
import { createStack, type Stack } from './helpers/stack.ts'
import { drained, publish } from './helpers/topic.ts'

let stack: Stack
beforeAll(async () => {
  stack = await createStack()
})
afterEach(stopServices)
afterAll(() => stack.stop())

async function count(table: string): Promise<number> {
  const { rows } = await stack.pool.query<{ n: string }>(`SELECT count(*) AS n FROM ${table}`)
  return Number(rows[0]?.n)
}

describe('the consumer', () => {
  it('stores what was published before the first start of its group', async () => {
    const before = new Service('consumer', stack.env)
    await before.logged(/^joined the group$/)
    await before.stop()
    const admin = stack.kafka.admin()
    await admin.connect()
    await admin.deleteGroups([stack.group]).catch(() => undefined)
    await admin.disconnect()
    await publish(stack, [encode(checkEntry())])
    new Service('consumer', stack.env)
    await until(async () => (await count('check_entry')) === 1)
  })

  it('stores every recorded message of the original as the original did', async () => {
    await stack.pool.query('TRUNCATE check_entry')
    const lines = readFileSync(new URL('./data/original-messages.jsonl', import.meta.url), 'utf8')
      .trim()
      .split('\n')
    const messages = lines.map((line) => JSON.parse(line) as { value: string; fields: Record<string, unknown> })
    new Service('consumer', stack.env)
    await publish(
      stack,
      messages.map(({ value }) => value),
    )
    await drained(stack)
    const { rows } = await stack.pool.query<Record<string, unknown>>(
      'SELECT check_entry_id AS id, website_id, response_time, http_status, regex, regex_match FROM check_entry ORDER BY 1',
    )
    const expected = messages.map(({ fields: { timestamp: _, ...fields } }) => fields)
    expect(rows).toEqual(expected.sort((a, b) => String(a.id).localeCompare(String(b.id))))
  })

  it('stores an entry once, however often it is delivered', async () => {
    await stack.pool.query('TRUNCATE check_entry')
    const values = Array.from({ length: 50 }, () => encode(checkEntry()))
    const consumer = new Service('consumer', stack.env)
    await publish(stack, [...values, ...values])
    await drained(stack)
    await publish(stack, values)
    await drained(stack)
    expect(await count('check_entry')).toBe(50)
    await consumer.stop()
    // And when the whole topic is delivered again.
    const admin = stack.kafka.admin()
    await admin.connect()
    await admin.resetOffsets({ groupId: stack.group, topic: stack.topic, earliest: true })
    await admin.disconnect()
    new Service('consumer', stack.env)
    await drained(stack)
    expect(await count(`check_entry WHERE website_id = '${checkEntry().websiteId}'`)).toBe(51)
  })

  it('keeps a message that cannot be decoded as a dead letter with its reason, and stores those around it', async () => {
    await stack.pool.query('TRUNCATE check_entry')
    const consumer = new Service('consumer', stack.env)
    await publish(stack, [encode(checkEntry()), 'hello', Buffer.from([0xff, 0xfe]), null, encode(checkEntry())])
    await drained(stack)
    expect(await count('check_entry')).toBe(2)
    const { rows } = await stack.pool.query('SELECT topic, value, reason FROM dead_letter ORDER BY reason COLLATE "C"')
    expect(rows).toEqual([
      { topic: stack.topic, value: null, reason: 'the message is empty' },
      { topic: stack.topic, value: Buffer.from([0xff, 0xfe]), reason: 'the message is not UTF-8' },
      { topic: stack.topic, value: Buffer.from('hello'), reason: 'the message is not an object with fields' },
    ])
    expect((await consumer.logged(/dead letter/)).level).toBe('warn')
  })

  it('lets the newest entry of a website say what its status is, in whatever order the entries come', async () => {
    const { rows } = await stack.pool.query<{ website_id: string }>(
      "INSERT INTO website (name, url) VALUES ('late', 'http://127.0.0.1/') RETURNING website_id",
    )
    const websiteId = rows[0]?.website_id as string
    const status = async () =>
      (await stack.pool.query('SELECT status FROM website WHERE website_id = $1', [websiteId])).rows[0].status
    const at = (secondsAgo: number, httpStatus: number) =>
      encode(
        checkEntry({
          websiteId,
          httpStatus,
          available: httpStatus < 400,
          timestamp: new Date(Date.now() - secondsAgo * 1000),
        }),
      )
    new Service('consumer', stack.env)
    await publish(stack, [at(10, 500), at(20, 200)], { key: websiteId })
    await drained(stack)
    expect(await status()).toBe('unavailable')
    await publish(stack, [at(30, 200)], { key: websiteId })
    await drained(stack)
    expect(await status()).toBe('unavailable')
    await publish(stack, [at(1, 200)], { key: websiteId })
    await drained(stack)
    expect(await status()).toBe('active')
  })

  it("stores every field of an entry, and keeps the website's certificate", async () => {
    await stack.pool.query('TRUNCATE check_entry')
    const { rows } = await stack.pool.query<{ website_id: string }>(
      "INSERT INTO website (name, url) VALUES ('secured', 'https://127.0.0.1/') RETURNING website_id",
    )
    const websiteId = rows[0]?.website_id as string
    const certificate = { begins: new Date('2026-01-01'), expires: new Date('2027-01-01'), issuer: 'Somebody, R1' }
    const failed = checkEntry({
      websiteId,
      httpStatus: 302,
      regexMatch: false,
      error: 'redirects',
      detail: 'Redirects: more than 30',
      available: false,
      dnsTimeMs: 1,
      connectTimeMs: 2,
      tlsTimeMs: 3,
      firstByteTimeMs: 4,
      bodyTimeMs: null,
      redirects: 30,
      finalUrl: 'https://127.0.0.1/loop',
      recheck: true,
      certificate,
    })
    new Service('consumer', stack.env)
    await publish(stack, [encode(failed)], { key: websiteId })
    await drained(stack)
    const stored = await stack.pool.query('SELECT * FROM check_entry')
    expect(stored.rows).toEqual([
      {
        check_entry_id: failed.id,
        website_id: websiteId,
        timestamp: failed.timestamp,
        response_time: 12,
        http_status: 302,
        regex: '',
        regex_match: false,
        error: 'redirects',
        detail: 'Redirects: more than 30',
        available: false,
        dns_time: 1,
        connect_time: 2,
        tls_time: 3,
        first_byte_time: 4,
        body_time: null,
        redirects: 30,
        recheck: true,
        suspect: false,
        final_url: 'https://127.0.0.1/loop',
      },
    ])
    const kept = 'SELECT status, certificate_expires, certificate_issuer FROM website WHERE website_id = $1'
    const expected = { certificate_expires: certificate.expires, certificate_issuer: certificate.issuer }
    expect((await stack.pool.query(kept, [websiteId])).rows).toEqual([{ status: 'unavailable', ...expected }])
    // One without TLS, and an older one, leave it as it is.
    const older = { begins: certificate.begins, expires: new Date('2026-12-01'), issuer: 'Older' }
    await publish(
      stack,
      [encode(checkEntry({ websiteId, timestamp: new Date(Date.now() - 60_000), certificate: older }))],
      { key: websiteId },
    )
    await publish(stack, [encode(checkEntry({ websiteId }))], { key: websiteId })
    await drained(stack)
    expect((await stack.pool.query(kept, [websiteId])).rows).toEqual([{ status: 'active', ...expected }])
  })

  it('stores an entry of a day that had no partition', async () => {
    new Service('consumer', stack.env)
    const timestamp = new Date(Date.now() - 100 * 86_400_000)
    await publish(stack, [encode(checkEntry({ timestamp })), encode(checkEntry())])
    await drained(stack)
    expect(await count(`check_entry WHERE "timestamp" < now() - interval '99 days'`)).toBe(1)
  })

  it('shares the partitions with a second one, and hands them over when it ends', async () => {
    await stack.pool.query('TRUNCATE check_entry')
    const [one, two] = [new Service('consumer', stack.env), new Service('consumer', stack.env)]
    const held = (service: Service) =>
      (service.log.filter(({ msg }) => msg === 'joined the group').at(-1)?.partitions as number[] | undefined)?.length
    await until(() => held(one) === 3 && held(two) === 3)
    await publish(
      stack,
      Array.from({ length: 300 }, () => encode(checkEntry())),
    )
    await drained(stack)
    expect(await count('check_entry')).toBe(300)
    await one.stop()
    await until(() => held(two) === 6, 10_000)
  })
})
