import { once } from 'node:events'
import http from 'node:http'
import https from 'node:https'
import net, { type AddressInfo } from 'node:net'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { Authority } from '../local/certificates.ts'
import { freePort } from '../local/ports.ts'
import { AddressFilter } from '../src/check/addressFilter.ts'
import { Checker } from '../src/check/checker.ts'
import { type ProxyFor, proxyRule, unusedProxyVariables } from '../src/check/proxy.ts'
import type { CheckEntry } from '../src/checkEntry.ts'
import type { Website } from '../src/website.ts'
import { website } from './helpers/entries.ts'

/** What the proxy or a website was asked. */
interface Asked {
  readonly by: 'proxy' | 'http' | 'https'
  readonly line: string
  readonly headers: http.IncomingHttpHeaders
}

const asked: Asked[] = []
const servers: net.Server[] = []
let proxyPort: number
let httpPort: number
let httpsPort: number

beforeAll(async () => {
  const certificate = await (await Authority.create()).issue()
  httpPort = await listen(http.createServer(page('http')))
  httpsPort = await listen(https.createServer(certificate, page('https')))
  proxyPort = await listen(makeProxy())
})
afterAll(() => {
  for (const server of servers) {
    server.close()
    if (server instanceof http.Server) server.closeAllConnections()
  }
})
beforeEach(() => {
  asked.length = 0
})

async function listen(server: net.Server): Promise<number> {
  servers.push(server)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

/** `/?to=LOCATION` redirects. */
function page(by: 'http' | 'https'): http.RequestListener {
  return ({ method, url, headers }, response) => {
    asked.push({ by, line: `${method} ${url}`, headers })
    const to = new URL(url ?? '/', 'http://any').searchParams.get('to')
    if (to !== null) response.writeHead(302, { location: to })
    response.end('Hello')
  }
}

/** Hands on to this machine whatever name is asked for; some names it refuses in one way or another. */
function makeProxy(): http.Server {
  const server = http.createServer((request, response) => {
    const { method, url = '', headers } = request
    asked.push({ by: 'proxy', line: `${method} ${url}`, headers })
    const target = new URL(url)
    if (target.hostname === 'forbidden.example') {
      response.writeHead(403).end('not through me')
      return
    }
    const { 'proxy-authorization': _, ...own } = headers
    const options = {
      host: '127.0.0.1',
      port: target.port,
      path: target.pathname + target.search,
      method,
      headers: own,
    }
    request.pipe(
      http.request(options, (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers)
        answer.pipe(response)
      }),
    )
  })
  server.on('connect', ({ url = '', headers }, client) => {
    asked.push({ by: 'proxy', line: `CONNECT ${url}`, headers })
    client.on('error', () => undefined)
    const [host = '', port] = url.split(':')
    const refusal = refusals[host]
    if (refusal !== undefined) refusal(client as net.Socket)
    else {
      const behind = net.connect(Number(port), '127.0.0.1', () => {
        client.write('HTTP/1.1 200 Connection established\r\n\r\n')
        behind.pipe(client).pipe(behind)
      })
      behind.on('error', () => client.destroy())
    }
  })
  return server
}

const refusals: Record<string, (client: net.Socket) => unknown> = {
  'forbidden.example': (client) => client.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n'),
  'unknown.example': (client) => client.end('HTTP/1.1 407 Who are you\r\nProxy-Authenticate: Basic\r\n\r\n'),
  'down.example': (client) => client.end('HTTP/1.1 502 Bad Gateway\r\n\r\n<html>down</html>'),
  'moved.example': (client) => client.end('HTTP/1.1 302 Found\r\nLocation: http://login.example/\r\n\r\n'),
  'closing.example': (client) => client.end(),
  'cut.example': (client) => client.resetAndDestroy(),
  'mumbling.example': (client) => client.end('what?\r\n\r\n'),
  'silent.example': () => undefined,
  'chatty.example': (client) => client.end('HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 OK\r\n\r\n'),
  'endless.example': (client) => {
    const more = () => {
      while (!client.destroyed && client.write('HTTP/1.1 100 Continue\r\n\r\n'.repeat(1_000)));
    }
    client.on('drain', more)
    more()
  },
}

async function check(row: Partial<Website>, proxyFor: ProxyFor, deny = new AddressFilter([], [])): Promise<CheckEntry> {
  const checker = new Checker({
    timeoutMs: 1_000,
    maxBodyBytes: 1_000_000,
    userAgent: 'webmon/1.0',
    resolver: { resolve: async () => [{ address: '127.0.0.1', family: 4 }] },
    filter: deny,
    proxyFor,
    search: async (pattern, text) => text.includes(pattern),
  })
  return (await checker.check(website({ regex: 'Hello', verifyCertificate: false, ...row }))) as CheckEntry
}

function throughProxy(userinfo = ''): ProxyFor {
  return proxyRule('environment', {
    http_proxy: `http://${userinfo}127.0.0.1:${proxyPort}`,
    HTTPS_PROXY: `127.0.0.1:${proxyPort}`,
  })
}

describe('through a proxy', () => {
  it('an http website is asked for in absolute form', async () => {
    const url = `http://ann:pass@one.example:${httpPort}/path?q=é#part`
    const entry = await check({ url, headers: { 'X-Own': 'yes' } }, throughProxy())
    expect(entry).toMatchObject({ httpStatus: 200, regexMatch: true, error: null, tlsTimeMs: null })
    expect(asked.map(({ by, line }) => `${by}: ${line}`)).toEqual([
      `proxy: GET http://one.example:${httpPort}/path?q=%C3%A9`,
      'http: GET /path?q=%C3%A9',
    ])
    expect(asked[1]?.headers).toMatchObject({
      host: `one.example:${httpPort}`,
      'x-own': 'yes',
      authorization: `Basic ${Buffer.from('ann:pass').toString('base64')}`,
    })
  })

  it('an https website is asked in a tunnel, and the proxy sees no more than its name', async () => {
    const url = `https://ann:pass@one.example:${httpsPort}/path?token=secret`
    const entry = await check({ url, headers: { 'X-Own': 'secret' } }, throughProxy())
    expect(entry).toMatchObject({ httpStatus: 200, regexMatch: true, error: null })
    expect(entry.tlsTimeMs).not.toBeNull()
    expect(entry.certificate).not.toBeNull()
    expect(asked.map(({ by, line }) => `${by}: ${line}`)).toEqual([
      `proxy: CONNECT one.example:${httpsPort}`,
      'https: GET /path?token=secret',
    ])
    expect(Object.keys(asked[0]?.headers ?? {}).sort()).toEqual(['connection', 'host'])
    expect(asked[1]?.headers).toMatchObject({ host: `one.example:${httpsPort}`, 'x-own': 'secret' })
  })

  it('an https website without a port is on 443', async () => {
    await check({ url: 'https://forbidden.example/' }, throughProxy())
    expect(asked.map(({ line }) => line)).toEqual(['CONNECT forbidden.example:443'])
    expect(asked[0]?.headers.host).toBe('forbidden.example:443')
  })

  it('a redirect goes through it too', async () => {
    const to = encodeURIComponent(`https://two.example:${httpsPort}/found`)
    const entry = await check({ url: `http://one.example:${httpPort}/?to=${to}` }, throughProxy())
    expect(entry).toMatchObject({ httpStatus: 200, redirects: 1, finalUrl: `https://two.example:${httpsPort}/found` })
    expect(asked.map(({ by }) => by)).toEqual(['proxy', 'http', 'proxy', 'https'])
  })

  it('a body and a method are sent', async () => {
    await check({ url: `http://one.example:${httpPort}/`, method: 'POST', body: 'question' }, throughProxy())
    expect(asked[1]).toMatchObject({ line: 'POST /', headers: { 'content-length': '8' } })
  })

  it.each([
    ['user:pass%40word@', 'user:pass@word'],
    ['user@', 'user:'],
    ['us%zzer:pass@', 'us%zzer:pass'],
  ])('its own credentials go to it alone: %s', async (userinfo, sent) => {
    const proxyFor = proxyRule(`http://${userinfo}127.0.0.1:${proxyPort}`, {})
    const authorization = `Basic ${Buffer.from(sent).toString('base64')}`
    for (const url of [`http://one.example:${httpPort}/`, `https://one.example:${httpsPort}/`]) {
      const entry = await check({ url }, proxyFor)
      expect(entry).toMatchObject({ httpStatus: 200, error: null })
      expect(JSON.stringify(entry)).not.toContain('pass')
    }
    expect(asked.map(({ by, headers }) => [by, headers['proxy-authorization']])).toEqual([
      ['proxy', authorization],
      ['http', undefined],
      ['proxy', authorization],
      ['https', undefined],
    ])
    expect(asked.every(({ headers }) => headers.authorization === undefined)).toBe(true)
  })

  it.each<[string, string, RegExp]>([
    ['forbidden.example', 'unreachable', /^Connect: the proxy answered 403$/],
    ['unknown.example', 'unreachable', /^Connect: the proxy answered 407$/],
    ['down.example', 'unreachable', /^Connect: the proxy answered 502$/],
    ['moved.example', 'unreachable', /^Connect: the proxy answered 302$/],
    ['closing.example', 'unreachable', /^Connect: the proxy broke the connection off/],
    ['cut.example', 'unreachable', /^Connect: the proxy broke the connection off/],
    ['mumbling.example', 'unreachable', /^Connect: the proxy does not speak HTTP$/],
    ['silent.example', 'timeout', /^Connect: no connection within 1 s$/],
    ['endless.example', 'unreachable', /^Connect: the proxy answered 100$/],
    ['chatty.example', 'tls', /^TLS: /],
  ])('https://%s/ is %s', async (host, error, detail) => {
    const entry = await check({ url: `https://${host}/` }, throughProxy())
    expect(entry).toMatchObject({ error, httpStatus: 0, tlsTimeMs: error === 'tls' ? expect.any(Number) : null })
    expect(entry.detail).toMatch(detail)
  })

  it('a proxy that refuses an http website answers for it', async () => {
    const entry = await check({ url: 'http://forbidden.example/' }, throughProxy())
    expect(entry).toMatchObject({ httpStatus: 403, error: null, available: false })
  })

  it('a proxy that is not there is refused', async () => {
    const port = await freePort()
    const proxyFor = proxyRule(`http://127.0.0.1:${port}`, {})
    for (const url of ['http://one.example/', 'https://one.example/']) {
      const entry = await check({ url }, proxyFor)
      expect(entry).toMatchObject({ error: 'refused', httpStatus: 0, detail: `Connect: refused by 127.0.0.1:${port}` })
    }
  })

  it.each(['http', 'https'])('an address that is denied is not asked for: %s', async (scheme) => {
    const deny = new AddressFilter([], [{ address: '127.0.0.2', prefix: 32 }])
    const entry = await check({ url: `${scheme}://127.2:${httpPort}/` }, throughProxy(), deny)
    expect(entry).toMatchObject({ error: 'blocked', httpStatus: 0 })
    expect(asked).toEqual([])
  })
})

describe('which proxy', () => {
  const env = {
    HTTP_PROXY: 'http://upper.example:1',
    http_proxy: 'http://lower.example:2',
    HTTPS_PROXY: 'http://secure.example:3',
    ALL_PROXY: 'http://all.example:4',
  }

  it('none by default, whatever the environment says, and one is warned', () => {
    expect(proxyRule('none', env)(new URL('http://one.example/'))).toBeUndefined()
    expect(unusedProxyVariables('none', env)).toEqual(['HTTP_PROXY', 'http_proxy', 'HTTPS_PROXY', 'ALL_PROXY'])
    expect(unusedProxyVariables('environment', env)).toEqual([])
  })

  it('a URL of the configuration is for all', () => {
    const rule = proxyRule('http://proxy.example:3128', { ...env, NO_PROXY: '*' })
    expect(rule(new URL('http://one.example/'))?.host).toBe('proxy.example:3128')
    expect(rule(new URL('https://one.example/'))?.host).toBe('proxy.example:3128')
  })

  it.each<[string, Record<string, string>, string | undefined]>([
    ['http://one.example/', env, 'lower.example:2'],
    ['https://one.example/', env, 'secure.example:3'],
    ['http://one.example/', { HTTP_PROXY: env.HTTP_PROXY }, 'upper.example:1'],
    ['https://one.example/', { HTTP_PROXY: env.HTTP_PROXY }, undefined],
    ['https://one.example/', { all_proxy: env.ALL_PROXY }, 'all.example:4'],
    ['http://one.example/', { http_proxy: '', HTTP_PROXY: env.HTTP_PROXY }, 'upper.example:1'],
    ['http://one.example/', { HTTP_PROXY: '', ALL_PROXY: env.ALL_PROXY }, 'all.example:4'],
    ['http://one.example/', { HTTP_PROXY: 'proxy.example:3128' }, 'proxy.example:3128'],
    ['http://one.example/', { HTTP_PROXY: 'proxy.example' }, 'proxy.example'],
    ['http://one.example/', {}, undefined],
  ])('%s with %j: %s', (url, variables, host) => {
    expect(proxyRule('environment', variables)(new URL(url))?.host).toBe(host)
  })

  it.each(['socks5://proxy.example:1080', 'https://proxy.example', 'http://[::1', 'http://user:secret@:80', 'http://'])(
    'a variable that is no URL of an HTTP proxy is an error that does not show it: %s',
    (value) => {
      for (const name of ['HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY']) {
        const message = `${name} of the environment: expected the URL of an HTTP proxy such as http://proxy.example:3128`
        expect(() => proxyRule('environment', { [name]: value })).toThrow(new Error(message))
      }
    },
  )

  it.each<[string, string, boolean]>([
    ['*', 'http://one.example/', true],
    ['one.example', 'http://one.example/', true],
    ['one.example', 'https://one.example:8443/', true],
    ['one.example', 'http://www.one.example/', true],
    ['.one.example', 'http://www.one.example/', true],
    ['.one.example', 'http://one.example/', true],
    ['*.one.example', 'http://www.one.example/', true],
    ['ONE.example', 'http://one.EXAMPLE/', true],
    ['one.example.', 'http://one.example/', true],
    ['one.example', 'http://one.example./', true],
    ['one.example', 'http://phone.example/', false],
    ['one.example', 'http://one.example.com/', false],
    ['two.example, one.example', 'http://one.example/', true],
    ['two.example one.example', 'http://one.example/', true],
    [' , ,', 'http://one.example/', false],
    ['.', 'http://one.example/', false],
    ['one.example:8080', 'http://one.example:8080/', true],
    ['one.example:8080', 'http://one.example/', false],
    ['one.example:80', 'http://one.example/', true],
    ['one.example:443', 'https://one.example/', true],
    ['localhost', 'http://127.0.0.1/', false],
    ['127.0.0.1', 'http://127.0.0.1:8080/', true],
    ['127.0.0.1', 'http://127.1/', true],
    ['127.0.0.1:8080', 'http://127.0.0.1:8080/', true],
    ['127.0.0.1:8080', 'http://127.0.0.1/', false],
    ['10.0.0.0/8', 'http://10.1.2.3/', true],
    ['10.0.0.0/8', 'http://11.1.2.3/', false],
    ['10.0.0.0/8', 'http://ten.example/', false],
    ['::1', 'http://[::1]/', true],
    ['[::1]', 'http://[::1]:8080/', true],
    ['[::1]:8080', 'http://[::1]:8080/', true],
    ['[::1]:8080', 'http://[::1]/', false],
    ['2001:db8::/32', 'http://[2001:db8::7]/', true],
  ])('NO_PROXY=%s, %s: none is %s', (exceptions, url, none) => {
    for (const name of ['NO_PROXY', 'no_proxy']) {
      const rule = proxyRule('environment', { ALL_PROXY: 'http://proxy.example', [name]: exceptions })
      expect(rule(new URL(url)) === undefined).toBe(none)
    }
  })

  it('an exception is asked directly', async () => {
    const proxyFor = proxyRule('environment', {
      http_proxy: `http://127.0.0.1:${proxyPort}`,
      no_proxy: 'direct.example',
    })
    await check({ url: `http://direct.example:${httpPort}/` }, proxyFor)
    expect(asked.map(({ by, line }) => `${by}: ${line}`)).toEqual(['http: GET /'])
  })
})
