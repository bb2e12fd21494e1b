import { execFileSync } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Authority } from '../local/certificates.ts'
import { webmon, webmonJson } from './helpers/webmon.ts'
import { startWebsites, type Websites } from './helpers/websites.ts'

let websites: Websites
const folder = mkdtempSync(path.join(tmpdir(), 'webmon-check-'))
beforeAll(async () => {
  websites = await startWebsites()
})
afterAll(async () => {
  await websites.stop()
  rmSync(folder, { recursive: true })
})

interface Answer {
  available: boolean
  http_status: number
  error: string | null
  [name: string]: unknown
}

const check = (path: string, ...options: string[]) => webmon(['check', websites.urlOf(path), ...options])
const checkJson = (path: string, ...options: string[]) =>
  webmonJson<Answer>(['check', websites.urlOf(path), ...options])

describe('webmon', () => {
  it.each([
    [['--help'], /Commands:.*check/s],
    [['check', '--help'], /--regex.*--config.*Exit code/s],
    [['help', 'check'], /--regex/],
  ])('has help on every level: %j', async (args, text) => {
    const { code, out, err } = await webmon(args)
    expect({ code, err }).toEqual({ code: 0, err: '' })
    expect(out).toMatch(text)
  })

  it('runs by a link, as npm and the image have it', () => {
    const link = path.join(folder, 'webmon')
    chmodSync('dist/webmon.js', 0o755)
    symlinkSync(path.resolve('dist/webmon.js'), link)
    expect(execFileSync(link, ['--help'], { encoding: 'utf8' })).toMatch(/^Usage: webmon /)
  })

  it.each([
    [[], /Usage/],
    [['chekc'], /Did you mean check/],
    [['check'], /missing required argument/],
    [['check', 'http://127.0.0.1/', '--tiemout', '1'], /unknown option/],
    [['check', 'http://127.0.0.1/', '--timeout', '0'], /a whole number from 1 to 300/],
    [['check', 'http://127.0.0.1/', '--expected-status', '2xx'], /statuses such as/],
    [['check', 'www.example.com'], /^expected a URL with http/],
    [['check', 'ftp://127.0.0.1/'], /^expected a URL with http/],
    [['check', 'http://127.0.0.1/', '--config', '/no/such/file'], /cannot be read \(ENOENT\)/],
  ])('ends with 2 and one reason when it is called wrongly: %j', async (args, reason) => {
    const { code, out, err } = await webmon(args)
    expect({ code, out }).toEqual({ code: 2, out: '' })
    expect(err).toMatch(reason)
  })
})

describe('webmon check', () => {
  it('says that a website is available, and ends with 0', async () => {
    const { code, out, err } = await check('/hello', '--regex', 'w[a-z]+')
    expect({ code, err }).toEqual({ code: 0, err: '' })
    expect(out).toMatch(/^available +http:\/\/127\.0\.0\.1:\d+\/hello$/m)
    expect(out).toMatch(/^status +200$/m)
    expect(out).toMatch(/^phases +DNS \d+ ms, connect \d+ ms, first byte \d+ ms, body \d+ ms$/m)
    expect(out).toMatch(/^page +28 bytes, read as utf-8$/m)
    expect(out).toMatch(/^regex +found at character 6: Hello \[world\], this is the end$/m)
  })

  it.each([
    ['/status/503', [], /^status +503$/m],
    ['/hello', ['--regex', 'Goodbye'], /^regex +not found$/m],
    ['http://127.0.0.1:CLOSED/', [], /^error +refused: Connect: refused by/m],
    ['/hang', ['--timeout', '1'], /^error +timeout: First byte: no response within 1 s$/m],
    ['/redirect', ['--no-follow-redirects', '--expected-status', '200'], /^status +302$/m],
    ['/hello', ['--regex', '('], /^error +regex: /m],
  ] as const)('says why it is not, and ends with 1: %s %j', async (path, options, reason) => {
    const { code, out } = await check(path, ...options)
    expect(code).toBe(1)
    expect(out).toMatch(/^not available /)
    expect(out).toMatch(reason)
  })

  it('tells the redirects, and where they ended', async () => {
    expect(await checkJson('/redirect')).toMatchObject({
      available: true,
      responses: [
        { url: `${websites.url}/redirect`, http_status: 302 },
        { url: `${websites.url}/hello?hidden`, http_status: 200 },
      ],
      redirects: 1,
      final_url: `${websites.url}/hello`,
    })
  })

  it.each([
    ['/latin1', { bytes: 4, charset: 'iso-8859-1' }],
    ['/utf8-no-type', { bytes: 5, charset: 'utf-8' }],
    ['/gzip', { bytes: 28, charset: 'iso-8859-1' }],
    ['/large', { bytes: 1_000_000, charset: 'iso-8859-1' }],
  ])('tells how much of the page it read, and how: %s', async (path, page) => {
    expect(await checkJson(path)).toMatchObject({ page })
  })

  it('sends the request that the options describe', async () => {
    const options = ['--method', 'post', '--header', 'X-One: first', '--header', 'Accept: text/html', '--body', 'hi']
    const answer = await checkJson('/echo', ...options, '--regex', 'POST /echo\\n.*"x-one":"first"')
    expect(answer).toMatchObject({ available: true, match: { offset: 0 } })
    expect(websites.log.at(-1)?.headers).toMatchObject({ accept: 'text/html', 'content-length': '2' })
  })

  it('counts characters where the regex matched, as Python does', async () => {
    expect(await checkJson('/utf8-no-type', '--regex', 'é')).toMatchObject({
      match: { offset: 3, length: 1, before: 'caf', text: 'é', after: '' },
    })
  })

  it('shows no password, no query and no header', async () => {
    const url = websites.urlOf('/echo?token=marker').replace('//', '//user:marker@')
    for (const more of [[], ['--json']]) {
      const ran = await webmon(['check', url, '--header', 'Authorization: marker', ...more])
      expect(ran.code).toBe(0)
      expect(ran.out + ran.err).not.toContain('marker')
    }
    const wrong = await webmon(['check', url, '--header', 'marker'])
    expect(wrong.code).toBe(2)
    expect(wrong.err).toBe('--header: expected a name, a colon and a value\n')
  })

  it('takes what the configuration says of checks, whatever else is in it', async () => {
    const config = path.join(folder, 'config.yaml')
    writeFileSync(config, 'monitoring:\n  useragent: mine/1\n  deny: 127.0.0.2/32\n')
    expect((await check('/echo', '--regex', 'mine/1', '--config', config)).code).toBe(0)
    const byFolder = await webmon(['check', `${websites.url}/echo`, '--regex', 'mine/1'], {}, { cwd: folder })
    expect(byFolder.code).toBe(0)
    const denied = await webmonJson<Answer>(['check', 'http://127.0.0.2/', '--config', config])
    expect(denied).toMatchObject({ error: 'blocked' })
    writeFileSync(config, 'monitoring:\n  deny: everything\n')
    const wrong = await check('/echo', '--config', config)
    expect(wrong.code).toBe(2)
    expect(wrong.err).toMatch(/config\.yaml: monitoring\.deny: "everything": expected/)
  })
})

describe('webmon check of https', () => {
  let server: Server
  let authority: Authority
  let url: string
  beforeAll(async () => {
    authority = await Authority.create()
    const notAfter = new Date(Date.now() + 12.5 * 86_400_000)
    const { cert, key } = await authority.issue({ hosts: ['127.0.0.1'], notAfter })
    server = createServer({ cert, key }, (_, response) => response.end('secure'))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    url = `https://127.0.0.1:${(server.address() as AddressInfo).port}/`
  })
  afterAll(() => server.close())

  it('tells who issued the certificate, its dates and the days left', async () => {
    const file = path.join(folder, 'ca.pem')
    writeFileSync(file, authority.cert)
    const { code, out } = await webmon(['check', url], { NODE_EXTRA_CA_CERTS: file })
    expect(code).toBe(0)
    expect(out).toMatch(/^certificate +of webmon test authority, \d{4}-\d\d-\d\d to \d{4}-\d\d-\d\d: 12 days left$/m)
    expect(out).toMatch(/^phases .*TLS \d+ ms/m)
  })

  it('tells them of one that is not trusted, too', async () => {
    const answer = await webmonJson<Answer>(['check', url])
    expect(answer).toMatchObject({ error: 'tls', certificate: { issuer: 'webmon test authority', days_left: 12 } })
    expect((await webmon(['check', url, '--no-verify-certificate'])).code).toBe(0)
  })
})
