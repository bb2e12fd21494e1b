import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { migrate } from '../src/database/migrations.ts'
import { checkEntry } from './helpers/entries.ts'
import { createStack, type Stack } from './helpers/stack.ts'
import { delivered, openStore, type Store, silent } from './helpers/storing.ts'
import { configFile, type Ran, webmon, webmonJson } from './helpers/webmon.ts'

let stack: Stack
let store: Store
let env: Record<string, string>
const folder = mkdtempSync(path.join(tmpdir(), 'webmon-websites-'))
beforeAll(async () => {
  stack = await createStack()
  store = await openStore(stack.database)
  env = { ...stack.env, WEBMON_CONFIG_FILE: configFile }
})
beforeEach(() => stack.pool.query('DELETE FROM website'))
afterAll(async () => {
  await store.stop()
  await stack.stop()
  rmSync(folder, { recursive: true })
})

const website = (...args: string[]) => webmon(['website', ...args], env)
const json = <T = Record<string, unknown>[]>(...args: string[]) => webmonJson<T>(['website', ...args], env)
const rows = async (columns = '*') => (await stack.pool.query(`SELECT ${columns} FROM website ORDER BY name`)).rows

async function done(ran: Promise<Ran>): Promise<string> {
  const { code, out, err } = await ran
  expect({ code, err }).toEqual({ code: 0, err: '' })
  return out
}

async function refused(ran: Promise<Ran>, reason: RegExp, code = 1): Promise<void> {
  const answer = await ran
  expect(answer.err).toMatch(reason)
  expect({ code: answer.code, out: answer.out }).toEqual({ code, out: '' })
}

describe('webmon website add', () => {
  it('adds a website with all that can be set', async () => {
    const request = [
      '--method',
      'post',
      '--header',
      'X-Key: marker',
      '--body',
      'hi',
      '--expected-status',
      '200-299, 401',
    ]
    const rest = ['--interval', '60', '--timeout', '5', '--tag', 'a', '--tag', 'b', '--regex', 'x+', '--disabled']
    const no = ['--no-follow-redirects', '--no-verify-certificate']
    await done(website('add', 'https://my.example/', '--name', 'Mine', ...request, ...rest, ...no))
    expect(await rows()).toMatchObject([
      {
        name: 'Mine',
        url: 'https://my.example/',
        status: 'unknown',
        regex: 'x+',
        enabled: false,
        interval: 60,
        timeout: 5,
        method: 'POST',
        headers: { 'X-Key': 'marker' },
        body: 'hi',
        expected_status: '200-299,401',
        follow_redirects: false,
        verify_certificate: false,
        tags: ['a', 'b'],
      },
    ])
  })

  it('leaves everything else at its default, and takes the host for a name', async () => {
    await done(website('add', 'https://my.example:8443/path'))
    expect(await rows()).toMatchObject([
      { name: 'my.example:8443', regex: '', enabled: true, interval: null, headers: null, tags: [] },
    ])
  })

  it('refuses a name that is there, and what could never be checked', async () => {
    await done(website('add', 'https://my.example/'))
    await refused(website('add', 'https://my.example/other'), /^there is a website "my.example" already/)
    await refused(website('add', 'my.example'), /^URL: expected http/, 2)
    await refused(website('add', 'https://b.example/', '--header', 'Bad Name: marker'), /headers: "Bad\.\.\."/, 2)
    await refused(website('add', 'https://b.example/', '--interval', '0'), /a whole number from 1 to 86400/, 2)
    expect(await rows()).toHaveLength(1)
  })
})

describe('webmon website list and show', () => {
  it('tell the status, the last check, and the uptime of 24 hours with its coverage', async () => {
    await stack.pool.query(
      `INSERT INTO website (name, url, tags, "timestamp") VALUES ('One', 'http://127.0.0.1/', '{a,b}', '2020-01-01')`,
    )
    await stack.pool.query("INSERT INTO website (name, url, enabled) VALUES ('Two', 'http://127.0.0.1/', false)")
    const [one] = await rows()
    const hourAgo = Date.now() - 3_600_000
    const entries = [0, 1, 2, 3].map((n) => {
      const timestamp = new Date(hourAgo + n * 60_000)
      const failed = n === 1 && { available: false, error: 'timeout', detail: 'First byte: no response within 1 s' }
      return checkEntry({ websiteId: one.website_id, timestamp, intervalSeconds: 900, available: true, ...failed })
    })
    await store.store(entries.map(delivered))

    const [listed, two] = await json<{ last_check: { timestamp: string }; coverage: number }[]>('list')
    expect(listed).toMatchObject({ name: 'One', status: 'active', enabled: true, uptime: 0.75 })
    expect(listed?.coverage).toBeGreaterThan(3_600 / (25 * 3_600) - 0.001)
    expect(listed?.coverage).toBeLessThan(3_600 / (24 * 3_600) + 0.001)
    expect(new Date(listed?.last_check.timestamp ?? 0)).toEqual(entries[3]?.timestamp)
    expect(two).toMatchObject({ name: 'Two', last_check: null, uptime: null, coverage: 0 })

    // Before it was added there could be no checks.
    await stack.pool.query(`UPDATE website SET "timestamp" = now() - interval '2 hours' WHERE name = 'One'`)
    const [added] = await json<{ coverage: number }[]>('list')
    expect(added?.coverage).toBeCloseTo(0.5, 2)

    const text = await done(website('list'))
    expect(text).toMatch(/^name +status +last check +uptime 24 h +coverage +url$/m)
    expect(text).toMatch(
      /^One +active +\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ +75\.00 % +\d+\.\d\d % +http:\/\/127\.0\.0\.1\/$/m,
    )
    expect(text).toMatch(/^Two +disabled +- +- +0\.00 % /m)
    expect(await done(website('show', 'One'))).toMatch(/^last check +.*, status 200, \d+ ms$/m)
  })

  it('list only those with all of the tags, or with a status', async () => {
    await stack.pool.query(`INSERT INTO website (name, url, tags, status, enabled) VALUES
      ('a', 'http://127.0.0.1/', '{x}', 'active', true), ('b', 'http://127.0.0.1/', '{x,y}', 'unavailable', true),
      ('c', 'http://127.0.0.1/', '{y}', 'active', false)`)
    const names = async (...args: string[]) => (await json('list', ...args)).map(({ name }) => name)
    expect(await names('--tag', 'x')).toEqual(['a', 'b'])
    expect(await names('--tag', 'x', '--tag', 'y')).toEqual(['b'])
    expect(await names('--status', 'active')).toEqual(['a'])
    expect(await names('--status', 'disabled')).toEqual(['c'])
    await refused(website('list', '--status', 'down'), /Allowed choices are active/, 2)
  })

  it('keep to themselves what may be secret', async () => {
    await stack.pool.query(`INSERT INTO website (name, url, headers, body) VALUES
      ('One', 'http://me:marker@127.0.0.1/?key=marker', '{"Authorization": "marker"}', 'marker')`)
    for (const args of [['list'], ['list', '--json'], ['show', 'One'], ['show', 'One', '--json']]) {
      expect(await done(website(...args))).not.toContain('marker')
    }
    expect(await done(website('show', 'One'))).toMatch(/^headers +Authorization \(hidden\)$/m)
  })
})

describe('webmon website', () => {
  it('takes names and ids, and names the ids of an ambiguous one', async () => {
    await stack.pool.query(`INSERT INTO website (name, url) VALUES
      ('one', 'http://127.0.0.1/1'), ('two', 'http://127.0.0.1/2'), ('two', 'http://127.0.0.1/3')`)
    const [one, two, three] = await rows()
    await refused(
      website('disable', 'one', 'two'),
      new RegExp(`2 websites; use an id:\n +${two.website_id}|${three.website_id}`),
    )
    await refused(website('disable', 'one', 'three'), /^there is no website "three"$/m)
    expect(await rows('enabled')).toEqual([{ enabled: true }, { enabled: true }, { enabled: true }])
    await done(website('disable', 'one', two.website_id.toUpperCase()))
    expect((await rows()).filter(({ enabled }) => !enabled).map(({ website_id }) => website_id)).toEqual([
      one.website_id,
      two.website_id,
    ])
    await done(website('enable', 'one'))
    expect(await done(website('remove', three.website_id))).toBe('removed two\n')
    expect(await rows('name, enabled')).toEqual([
      { name: 'one', enabled: true },
      { name: 'two', enabled: false },
    ])
  })

  it('silence holds alerts back until a time, or no longer', async () => {
    await stack.pool.query("INSERT INTO website (name, url) VALUES ('one', 'http://127.0.0.1/')")
    const left = 'extract(epoch FROM silenced_until - now())::float8 AS left'
    await done(website('silence', 'one', '--for', '2h'))
    const [silenced] = await rows(left)
    expect(silenced.left).toBeGreaterThan(7_000)
    expect(silenced.left).toBeLessThanOrEqual(7_200)
    await done(website('silence', 'one', '--end'))
    expect(await rows(left)).toEqual([{ left: null }])
    await refused(website('silence', 'one'), /^expected --for/, 2)
    await refused(website('silence', 'one', '--for', '2 hours'), /Expected a time such as/, 2)
  })
})

describe('webmon website import and export', () => {
  const file = path.join(folder, 'websites.yaml')
  const write = (text: string) => writeFileSync(file, text)

  it('give back what was there, and are idempotent', async () => {
    await stack.pool.query(`INSERT INTO website (name, url, regex, enabled, interval, timeout, method, headers, body,
        expected_status, follow_redirects, verify_certificate, tags) VALUES
      ('1e3', 'http://127.0.0.1/', 'null', true, null, null, null, null, null, null, null, null, '{}'),
      ('Zwei: "ü" # 😀', 'http://127.0.0.1/?a=b', E'a\\n  b\\t$', false, 60, 5, 'POST', '{"X-Key": "yes", "A": "1"}', '{"a": 1}',
       '200,401', false, false, '{"with, comma",on}')`)
    const before = await rows()
    const yaml = await done(website('export'))
    expect(yaml).toContain('X-Key')
    await done(website('export', '--json')).then((text) => expect(JSON.parse(text).websites).toHaveLength(2))
    write(yaml)
    expect(await done(website('import', file))).toBe('0 added, 0 changed, 0 removed, 2 unchanged\n')
    expect(await rows()).toEqual(before)
    await stack.pool.query('DELETE FROM website')
    expect(await done(website('import', file))).toBe('2 added, 0 changed, 0 removed, 0 unchanged\n')
    const comparable = (list: Record<string, unknown>[]) =>
      list.map(({ website_id: _, timestamp: __, ...rest }) => rest)
    expect(comparable(await rows())).toEqual(comparable(before))
    expect(await done(website('export'))).toBe(yaml)
  })

  it('change what differs, keep the rest, and remove what is not in the file when asked to', async () => {
    await stack.pool.query(`INSERT INTO website (name, url, interval, status, headers) VALUES
      ('a', 'http://127.0.0.1/a', 60, 'active', '{"K": "marker"}'), ('b', 'http://127.0.0.1/b', 60, 'active', null),
      ('c', 'http://127.0.0.1/c', null, 'active', null)`)
    const before = await rows()
    write(`
websites:
  - {name: a, url: http://127.0.0.1/a, headers: {K: marker2}}
  - {name: b, url: http://127.0.0.1/b, interval: 60}
  - {name: d, url: http://127.0.0.1/d, enabled: no, tags: [x]}
`)
    const shown = await done(website('import', file, '--prune', '--dry-run'))
    expect(shown).toBe('+ d\n~ a: interval, headers\n- c\nwould be: 1 added, 1 changed, 1 removed, 1 unchanged\n')
    expect(await json('import', file, '--prune', '--dry-run')).toMatchObject({
      difference: { added: ['d'], changed: [{ name: 'a', columns: ['interval', 'headers'] }], removed: ['c'] },
    })
    expect(await rows()).toEqual(before)
    await done(website('import', file))
    expect(await rows('name')).toHaveLength(4)
    await done(website('import', file, '--prune'))
    const after = await rows()
    expect(after).toMatchObject([
      { website_id: before[0].website_id, interval: null, status: 'active', headers: { K: 'marker2' } },
      { website_id: before[1].website_id, interval: 60 },
      { name: 'd', enabled: false, tags: ['x'], status: 'unknown' },
    ])
  })

  it('read standard input, and write a file that only its owner can read', async () => {
    const input = 'websites: [{name: a, url: http://127.0.0.1/}]'
    expect((await webmon(['website', 'import', '-'], env, { input })).code).toBe(0)
    const target = path.join(folder, 'export.yaml')
    expect(await website('export', target)).toMatchObject({ code: 0, out: '' })
    expect(readFileSync(target, 'utf8')).toBe('websites:\n  - name: a\n    url: http://127.0.0.1/\n')
    expect(statSync(target).mode & 0o777).toBe(0o600)
    chmodSync(target, 0o644)
    await website('export', target)
    expect(statSync(target).mode & 0o777).toBe(0o600)
  })

  it.each([
    ['a key that is unknown', 'intervall: 5', /:4: a: intervall: unknown key; did you mean interval\?/],
    ['a value that is wrong', 'interval: 5 s', /:4: a: interval: "5 s": expected a whole number from 1 to 86400/],
    ['a URL that is none', 'url: marker', /:4: a: URL: expected http:\/\/ or https:\/\/ and a host/],
    ['no URL', "url: ''", /:4: a: url: missing/],
    ['a header that cannot be sent', 'headers: {"X Y": marker}', /:4: a: .*website\.headers: "X\.\.\." cannot be sent/],
    ['headers that are no mapping', 'headers: marker', /:4: a: headers: expected names with a text each/],
    ['a regex that is refused', 'regex: "("', /:4: a: regex: .*missing \)/],
    ['a name that is there twice', 'name: first', /:4: first: name: the same as in line 2/],
    ['U+0000', 'body: "a\\0marker"', /:4: a: body: expected text/],
  ])('refuse %s, by its file and line, and change nothing', async (_, line, message) => {
    const [key] = line.split(':') as [string]
    const rest = ['name: a', 'url: http://127.0.0.1/'].filter((one) => !one.startsWith(`${key}:`))
    write(`websites:\n  - name: first\n    url: http://127.0.0.1/\n  - ${[line, ...rest].join('\n    ')}\n`)
    const ran = website('import', file)
    await refused(ran, message)
    expect((await ran).err).toContain(`${file}:4: `)
    expect((await ran).err).not.toContain('marker')
    expect(await rows()).toEqual([])
  })

  it.each([
    ['websites: {a: b', /websites\.yaml:1: not YAML/],
    ['websites: []\nwebsite: []', /website: unknown key; expected one key, websites/],
    ['- name: a', /expected one key, websites, with a list/],
    ['', /expected one key, websites, with a list/],
    ['websites:\n  - a\n', /websites\.yaml:2: expected a website/],
    ['websites:\n  - name: a\n    name: b\n', /websites\.yaml:3: not YAML: .*duplicate/],
  ])('refuse what is no such file: %j', async (text, message) => {
    write(text)
    await refused(website('import', file), message)
  })

  it('tell of several websites of one name in the database, with their ids', async () => {
    await stack.pool.query(`INSERT INTO website (name, url) VALUES
      ('a', 'http://127.0.0.1/1'), ('a', 'http://127.0.0.1/2'), ('b', 'http://127.0.0.1/3')`)
    const [first, second] = await rows()
    write('websites: [{name: a, url: http://127.0.0.1/}, {name: c, url: http://127.0.0.1/}]')
    await refused(website('import', file), /several websites of one name/)
    await refused(website('import', file), new RegExp(`^a: (${first.website_id}|${second.website_id}), `, 'm'))
    expect(await rows()).toHaveLength(3)
    expect((await website('export')).err).toMatch(/several websites named a/)
  })

  it('say how far they are from a thousand rows on', async () => {
    const list = Array.from({ length: 2_500 }, (_, n) => `  - name: website ${n}\n    url: http://127.0.0.1/${n}\n`)
    write(`websites:\n${list.join('')}`)
    const { code, out, err } = await website('import', file)
    expect({ code, out }).toEqual({ code: 0, out: '2500 added, 0 changed, 0 removed, 0 unchanged\n' })
    const lines = [1_000, 2_000, 2_500].map((rows) => `${rows} of 2500 rows written\n`)
    expect(err).toBe(`read 2500 websites\n${lines.join('')}`)
  })
})

describe('without the tables', () => {
  it('a command says what to do', async () => {
    const fresh = await createStack()
    try {
      const on = { ...fresh.env, WEBMON_CONFIG_FILE: configFile }
      await refused(webmon(['website', 'list'], on), /^the tables are older than this webmon.*webmon database migrate/)
      await migrate(fresh.pool, { logger: silent })
      expect(await done(webmon(['website', 'list'], on))).toContain('Example')
      const closed = { ...on, WEBMON_DATABASE_PORT: '9', WEBMON_DATABASE_PASSWORD: 'marker' }
      await refused(
        webmon(['website', 'list'], closed),
        /^the database .* at 127\.0\.0\.1:9: connect ECONNREFUSED.*doctor/,
      )
    } finally {
      await fresh.stop()
    }
  })
})
