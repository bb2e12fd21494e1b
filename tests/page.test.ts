import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { freePort } from '../local/ports.ts'
import { Page } from '../src/page/page.ts'
import { addWebsite, closeAllDays, failing, storeChecks } from './helpers/pageData.ts'
import { until } from './helpers/services.ts'
import { createDatabase } from './helpers/stack.ts'
import { databaseEnv, openPool } from './helpers/stackEnv.ts'
import { openStore, type Store, silent } from './helpers/storing.ts'
import { configFile, webmonJson } from './helpers/webmon.ts'

const evil = `<script>alert("1")</script>'&`
let store: Store
let served: Awaited<ReturnType<typeof serve>>
let url: string
let ids: Record<'good' | 'down' | 'evil' | 'gaps' | 'off', string>

async function serve(page: Page): Promise<{ url: string; stop(): void }> {
  const server = createServer((request, response) => {
    page.serve(request, response).then(
      (is) => is || response.writeHead(404).end(),
      () => response.destroy(),
    )
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const stop = () => {
    server.close()
    server.closeAllConnections()
  }
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, stop }
}

beforeAll(async () => {
  store = await openStore(await createDatabase())
  await store.pool.query('DELETE FROM website')
  ids = {
    good: await addWebsite(store.pool, 'Good', {
      tags: ['shop'],
      url: 'https://ann:secret@my.example/path?token=secret',
    }),
    down: await addWebsite(store.pool, 'Down', { tags: ['shop', 'blog'] }),
    evil: await addWebsite(store.pool, evil, { url: `https://my.example/"onmouseover="alert(1)`, tags: [evil] }),
    gaps: await addWebsite(store.pool, 'Gaps'),
    off: await addWebsite(store.pool, 'Off'),
  }
  await store.pool.query('UPDATE website SET enabled = false WHERE name = $1', ['Off'])
  const hours = (from: number, to: number) => Array.from({ length: to - from }, (_, n) => (from + n) * 60 + 1)
  // Every hour of ten days; and the first and the last of them alone.
  await storeChecks(store, ids.good, hours(0, 240), { intervalSeconds: 3_600 })
  await storeChecks(store, ids.gaps, [...hours(0, 2), ...hours(200, 204)], { intervalSeconds: 3_600 })
  await storeChecks(store, ids.down, [8, 7, 6], { responseTimeMs: 250 })
  await storeChecks(store, ids.down, [5, 4], failing)
  const regex = { regex: evil, error: 'tls', detail: evil, httpStatus: 0, available: false }
  await storeChecks(store, ids.evil, [3, 2], regex)
  await closeAllDays(store)

  served = await serve(new Page(store.pool, new AbortController().signal, silent))
  url = served.url
})
afterAll(async () => {
  served.stop()
  await store.stop()
})

async function remove(id: string): Promise<void> {
  await store.pool.query('DELETE FROM website WHERE website_id = $1', [id])
  await until(async () => rowOf(await text('/'), id) === undefined)
}

const text = async (path: string) => (await fetch(url + path)).text()
async function json<T = Record<string, unknown>>(path: string): Promise<T> {
  const response = await fetch(url + path)
  expect({ path, status: response.status }).toEqual({ path, status: 200 })
  return (await response.json()) as T
}
const names = (html: string) =>
  [...html.matchAll(/<th scope="row"><a href="\/websites\/[^>]+>([^<]*)</g)].map(([, name]) => name)
const rowOf = (html: string, id: string): string | undefined =>
  html.split('<tr id="').find((row) => row.startsWith(`w-${id}"`))

describe('the overview', () => {
  it('lists every website without JavaScript: what is open first, then by urgency and name', async () => {
    const html = await text('/')
    expect(names(html).map((name) => name?.slice(0, 4))).toEqual(['&lt;', 'Down', 'Gaps', 'Good', 'Off'])
    const open = /<section id="incidents"[\s\S]*?<\/section>/.exec(html)?.[0] as string
    expect(html.indexOf(open)).toBeLessThan(html.indexOf('<table'))
    expect(open).toContain('Open incidents: 2')
    expect(open).toContain('http_status 503')
    const counts = [...html.matchAll(/<b>(\d+)<\/b> (?:<i [^>]*>.<\/i>)?(\w+)<\/a>/g)]
    expect(counts.map(([, count, word]) => `${count} ${word}`)).toEqual([
      '5 websites',
      '2 down',
      '0 unknown',
      '2 up',
      '1 disabled',
    ])
  })

  it('filters by words, tag and status, and sorts, by its address', async () => {
    expect(names(await text('/?q=go'))).toEqual(['Good'])
    expect(names(await text('/?q=MY.example+path'))).toEqual(['Good'])
    expect(names(await text('/?q=blog'))).toEqual(['Down'])
    expect(names(await text('/?q=secret'))).toEqual([])
    expect(names(await text('/?tag=shop&sort=name'))).toEqual(['Down', 'Good'])
    expect(names(await text('/?status=disabled'))).toEqual(['Off'])
    expect(names(await text('/?sort=response'))[0]).toBe('Down')
    expect(names(await text('/?sort=uptime'))[1]).toBe('Down')
  })

  it('shows silence as a gap, never as uptime, and uptime with its coverage', async () => {
    const html = await text('/')
    const figures = (id: string) =>
      [...(rowOf(html, id) ?? '').matchAll(/<b class="(?:fine|less|none)">([^<]*)<\/b> <small[^>]*>([^<]*)</g)].map(
        ([, uptime, coverage]) => [uptime, coverage],
      )
    expect(figures(ids.good)[0]).toEqual(['100.00 %', 'of 100 %'])
    const [day, week] = figures(ids.gaps)
    expect(day?.[0]).toBe('100.00 %')
    expect(Number(/[\d.]+/.exec(day?.[1] ?? '')?.[0])).toBeLessThan(9)
    expect(Number(/[\d.]+/.exec(week?.[1] ?? '')?.[0])).toBeLessThan(3)
    expect(figures(ids.off)).toEqual(Array(4).fill(['no checks', 'of 0.0 %']))
    expect(rowOf(html, ids.off)).toContain('By day: 0 with checks, 0 of them with failures, 91 without checks')
    expect(rowOf(html, ids.good)).toMatch(/By hour: 2[45] with checks, 0 of them with failures, [01] without checks/)
    expect(rowOf(html, ids.gaps)).toMatch(/By hour: [23] with checks, 0 of them with failures, 2[23] without checks/)
    expect(rowOf(html, ids.gaps)).toMatch(/<path class="gap"/)
  })

  it('agrees with the command line on uptime and coverage', async () => {
    const env = {
      ...databaseEnv(store.address),
      WEBMON_KAFKA_SERVER: 'none',
      WEBMON_KAFKA_PORT: '1',
      WEBMON_KAFKA_TOPIC: 't',
      WEBMON_KAFKA_CONSUMER_GROUP: 'g',
      WEBMON_CONFIG_FILE: configFile,
    }
    const listed = await webmonJson<{ website_id: string; uptime: number | null; coverage: number }[]>(
      ['website', 'list'],
      env,
    )
    const { websites } = await json<{
      websites: { id: string; uptime: Record<string, { uptime: number | null; coverage: number }> }[]
    }>('/api/websites')
    expect(listed).toHaveLength(5)
    for (const { website_id, uptime, coverage } of listed) {
      const shown = websites.find(({ id }) => id === website_id)?.uptime['24h']
      expect(shown?.uptime).toBe(uptime)
      expect(shown?.coverage).toBeCloseTo(coverage, 3)
    }
  })
})

describe('a website', () => {
  it('is shown with its incidents, their first failing entry in full, the last checks and response times', async () => {
    const html = await text(`/websites/${ids.down}`)
    for (const range of ['24h', '7d', '30d', '90d']) expect(html).toContain(`href="?range=${range}"`)
    expect(html).toMatch(/<summary>[\s\S]*open for 5 min[\s\S]*http_status 503/)
    expect(html).toContain('<dt>http_status</dt><dd>503</dd>')
    expect(html.match(/<td class="phases">0 · 1 · 3 · 11 · 0</g)).toHaveLength(5)
    expect(html).toContain('p95 up to 250 ms')
    expect(/<section id="codes"[\s\S]*?<\/section>/.exec(html)?.[0].replaceAll(/<[^>]*>/g, '')).toMatch(
      /200\s+3\s*503\s+2/,
    )
  })

  it('has response times of longer ranges from the rollups', async () => {
    for (const [range, source, step] of [
      ['24h', 'checks', 900],
      ['7d', 'hours', 3_600],
      ['90d', 'days', 86_400],
    ] as const) {
      const answer = await json<{ source: string; step: number; points: Record<string, number>[] }>(
        `/api/websites/${ids.good}/response-times?range=${range}`,
      )
      expect({ source: answer.source, step: answer.step }).toEqual({ source, step })
      expect(answer.points.length).toBeGreaterThan(9)
      for (const point of answer.points)
        expect(point).toMatchObject({ p50: 12, p95: 12, dns: 0, connect: 1, tls: 3, first_byte: 11, body: 0 })
    }
  })

  it('is not there when nobody added it', async () => {
    for (const path of [
      '/websites/x',
      '/websites/00000000-0000-4000-8000-000000000009',
      '/api/websites/x',
      '/badge/x.svg',
      '/assets/x',
      '/assets/..%2fpackage.json',
      '/api/x',
    ]) {
      expect({ path, status: (await fetch(url + path)).status }).toEqual({ path, status: 404 })
    }
  })
})

describe('the page', () => {
  it('escapes whatever the database holds, and shows no secret', async () => {
    for (const path of [
      '/',
      `/websites/${ids.evil}`,
      `/websites/${ids.good}`,
      `/badge/${ids.evil}.svg`,
      `/?q=${encodeURIComponent(evil)}&tag=${encodeURIComponent(evil)}`,
    ]) {
      const html = await text(path)
      expect(html).not.toMatch(/<script>|<script [^>]*>[^<]|onmouseover="|secret/)
      expect(html).not.toMatch(/ style="| on\w+="/)
    }
    expect(await text('/')).toContain('&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&#39;&amp;')
    expect(JSON.stringify(await json('/api/websites'))).not.toContain('secret')
  })

  it('lets nothing run that does not come from it', async () => {
    for (const path of ['/', '/api/websites', '/assets/page.css', '/websites/x']) {
      const { headers } = await fetch(url + path)
      expect(headers.get('content-security-policy')).toMatch(
        /^default-src 'none'; script-src 'self'; style-src 'self';.* frame-ancestors 'none'$/,
      )
      expect(headers.get('x-content-type-options')).toBe('nosniff')
    }
  })

  it('answers with 304 to whoever has it already, and compressed to whoever takes that', async () => {
    const path = '/assets/page.css'
    const first = await fetch(url + path, { headers: { 'accept-encoding': 'gzip' } })
    expect(first.headers.get('content-encoding')).toBe('gzip')
    const etag = first.headers.get('etag') as string
    expect((await fetch(url + path, { headers: { 'if-none-match': etag } })).status).toBe(304)
    const plain = await fetch(url + path, { headers: { 'accept-encoding': 'identity' } })
    expect(plain.headers.get('content-encoding')).toBe(null)
    expect(await plain.text()).toBe(readFileSync('assets/page.css', 'utf8'))
  })

  it('shows a result that has just been stored', async () => {
    const id = await addWebsite(store.pool, 'Just added')
    await until(async () => rowOf(await text('/'), id)?.includes('>unknown<'))
    await storeChecks(store, id, [0], { responseTimeMs: 77 })
    await until(async () => rowOf(await text('/'), id)?.includes('77 ms'), 10_000)
    expect(await text(`/websites/${id}`)).toContain('77 ms')
    await remove(id)
  })

  it('leaves out an incident that turned out to be none', async () => {
    const id = await addWebsite(store.pool, 'Retracted')
    await store.pool.query(
      `INSERT INTO incident (website_id, started, check_entry_id, ended, cause, announced, retracted)
       VALUES ($1, now() - interval '1 hour', gen_random_uuid(), now() - interval '1 hour', 'timeout', true, true)`,
      [id],
    )
    expect(await json(`/api/incidents?website=${id}`)).toEqual({ incidents: [], next: null })
    await remove(id)
  })

  it('draws a badge with the uptime of 30 days and its coverage', async () => {
    const response = await fetch(`${url}/badge/${ids.good}.svg`)
    expect(response.headers.get('content-type')).toBe('image/svg+xml')
    expect(await response.text()).toMatch(/aria-label="Good: ● up, 30 days 100.00 % of 3[23]\.\d\d %"/)
  })
})

describe('without a database', () => {
  it('says that it does not answer, and nothing else', async () => {
    const pool = openPool({ ...store.address, port: await freePort() })
    const said: string[] = []
    const logger = { ...(silent as object), warn: (_: unknown, message: string) => said.push(message) } as never
    const away = await serve(new Page(pool, new AbortController().signal, logger))
    for (const path of ['/', '/api/websites', `/badge/${ids.good}.svg`]) {
      const response = await fetch(away.url + path)
      expect({ path, status: response.status }).toEqual({ path, status: 503 })
      const body = await response.text()
      expect(body).toContain('The database does not answer')
      expect(body).not.toMatch(/ECONNREFUSED|127\.0\.0\.1/)
    }
    expect(said[0]).toMatch(/^the page cannot be read: .*ECONNREFUSED/)
    away.stop()
    await pool.end()
  })
})

describe('the API', () => {
  it('goes on where a page ended, whatever came and went between', async () => {
    const seen: string[] = []
    let next: string | null = ''
    while (next !== null) {
      const answer: { websites: { name: string }[]; next: string | null } = await json(
        `/api/websites?limit=2&after=${next}`,
      )
      seen.push(...answer.websites.map(({ name }) => name))
      next = answer.next
    }
    expect(seen).toEqual([evil, 'Down', 'Gaps', 'Good', 'Off'])
  })

  it('has checks and incidents, the newest first, page by page', async () => {
    const all = await json<{ checks: { id: string }[]; next: null }>(`/api/websites/${ids.good}/checks?limit=1000`)
    expect(all.checks).toHaveLength(240)
    expect(all.next).toBe(null)
    const first = await json<{ checks: { id: string }[]; next: string }>(`/api/websites/${ids.good}/checks?limit=100`)
    await storeChecks(store, ids.good, [0], {})
    const second = await json<{ checks: { id: string }[]; next: string }>(
      `/api/websites/${ids.good}/checks?limit=100&before=${first.next}`,
    )
    expect([...first.checks, ...second.checks]).toEqual(all.checks.slice(0, 200))
    const incidents = await json<{ incidents: { website: string; first: { id: string } }[]; next: string }>(
      '/api/incidents?open=true&limit=1',
    )
    expect(incidents.incidents[0]).toMatchObject({
      website: evil,
      ended: null,
      cause: 'tls',
      detail: evil,
      first: { error: 'tls' },
    })
    const more = await json<{ incidents: { website: string }[]; next: null }>(
      `/api/incidents?open=true&limit=1&before=${incidents.next}`,
    )
    expect(more).toMatchObject({ incidents: [{ website: 'Down', cause: 'http_status 503' }], next: null })
  })

  it('refuses what it does not understand, and says what it expects', async () => {
    const refusals = {
      '/api/websites?limit=0': 'limit: expected a whole number from 1 to 1000',
      '/api/websites?after=x': 'the cursor is none of those that were given out',
      '/api/websites?status=up': 'status: expected one of unavailable, unknown, active, disabled',
      [`/api/websites/${ids.good}/checks?before=W10`]: 'the cursor is none of those that were given out',
      [`/api/websites/${ids.good}/response-times?from=x`]: 'from, to: expected times such as 2026-11-24T12:00:00Z',
      '/api/incidents?website=x': 'website: expected an id',
    }
    for (const [path, error] of Object.entries(refusals)) {
      const response = await fetch(url + path)
      expect({ path, status: response.status, ...((await response.json()) as object) }).toEqual({
        path,
        status: 400,
        error,
      })
    }
  })

  it('answers with the fields that docs/api.md names, and no others', async () => {
    const sections = readFileSync('docs/api.md', 'utf8').split(/^## /m).slice(1)
    const paths = sections
      .map((section) => /`GET ([^`?]+)/.exec(section)?.[1])
      .filter((path) => path?.startsWith('/api/'))
    expect(paths).toHaveLength(5)
    for (const path of paths as string[]) {
      const section = sections.find((one) => one.includes(`GET ${path}`)) as string
      const documented = [...section.matchAll(/^\| `([\w.[\]]+)` \|/gm)].map(([, field]) => field)
      const answer = await json(path.replace('<id>', ids.down))
      expect({ path, fields: fieldsOf(answer) }).toEqual({ path, fields: documented.sort() })
    }
  })
})

/** The names of all fields: `websites[].name`. Maps whose keys are data count as one. */
function fieldsOf(value: unknown, prefix = ''): string[] {
  if (Array.isArray(value)) {
    const fields = new Set(value.flatMap((item) => fieldsOf(item, `${prefix}[]`)))
    return [...fields].sort()
  }
  if (value === null || typeof value !== 'object' || /uptime$|first$|last_check$|incident$|counts$/.test(prefix))
    return [prefix]
  const named = Object.entries(value).flatMap(([name, part]) => fieldsOf(part, prefix ? `${prefix}.${name}` : name))
  return [...new Set(named)].sort()
}
