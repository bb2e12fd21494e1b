import { once } from 'node:events'
import net, { type AddressInfo } from 'node:net'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { AddressFilter } from '../src/check/addressFilter.ts'
import { Checker } from '../src/check/checker.ts'
import { type Address, Resolver } from '../src/check/dns/resolver.ts'
import type { CheckEntry } from '../src/checkEntry.ts'
import { cidr } from '../src/configValue.ts'
import type { Website } from '../src/website.ts'
import { website } from './helpers/entries.ts'

function filter(allow: readonly string[], deny: readonly string[]): AddressFilter {
  const [allowed, denied] = [allow, deny].map((list) => list.map((text) => cidr.parse(text) ?? never(text)))
  return new AddressFilter(allowed ?? [], denied ?? [])
}

function never(text: string): never {
  throw new Error(`${text} is no network`)
}

function addressOf(address: string): Address {
  return { address, family: address.includes(':') ? 6 : 4 }
}

describe('an address', () => {
  it.each<[string, readonly string[], readonly string[], boolean]>([
    ['192.0.2.1', [], [], true],
    ['2001:db8::1', [], [], true],
    ['192.0.2.1', [], ['192.0.2.0/24'], false],
    ['192.0.3.1', [], ['192.0.2.0/24'], true],
    ['192.0.2.1', ['192.0.2.0/24'], [], true],
    ['192.0.3.1', ['192.0.2.0/24'], [], false],
    ['192.0.2.1', ['192.0.2.1'], [], true],
    ['192.0.2.2', ['192.0.2.1'], [], false],
    // Bits of the host in a network do not count.
    ['192.0.2.200', [], ['192.0.2.1/24'], false],
    // deny goes before allow, whichever is the narrower.
    ['192.0.2.1', ['192.0.2.1/32'], ['192.0.2.0/24'], false],
    ['192.0.2.1', ['192.0.2.0/24'], ['192.0.2.1/32'], false],
    ['192.0.2.2', ['192.0.2.0/24'], ['192.0.2.1/32'], true],
    ['192.0.2.1', ['0.0.0.0/0'], ['0.0.0.0/0'], false],
    ['2001:db8::1', [], ['2001:db8::/32'], false],
    ['2001:db9::1', [], ['2001:db8::/32'], true],
    ['2001:DB8:0:0::1', [], ['2001:db8::1'], false],
    // What is only about one family leaves the other alone, or out.
    ['2001:db8::1', [], ['0.0.0.0/0'], true],
    ['192.0.2.1', [], ['::/0'], true],
    ['2001:db8::1', ['0.0.0.0/0'], [], false],
    ['192.0.2.1', ['::/0'], [], false],
    ['192.0.2.1', ['::/0', '0.0.0.0/0'], [], true],
    // IPv4-mapped.
    ['::ffff:192.0.2.1', [], ['192.0.2.0/24'], false],
    ['::ffff:c000:201', [], ['192.0.2.0/24'], false],
    ['0:0:0:0:0:ffff:c000:201', [], ['192.0.2.0/24'], false],
    ['::FFFF:192.0.2.1', [], ['192.0.2.0/24'], false],
    ['::ffff:192.0.3.1', [], ['192.0.2.0/24'], true],
    ['::ffff:192.0.2.1', ['192.0.2.0/24'], [], true],
    ['::ffff:192.0.2.1', ['2001:db8::/32'], [], false],
    ['192.0.2.1', [], ['::ffff:192.0.2.0/120'], false],
    ['192.0.3.1', [], ['::ffff:192.0.2.0/120'], true],
    // NAT64.
    ['64:ff9b::192.0.2.1', [], ['192.0.2.0/24'], false],
    ['64:ff9b::c000:201', [], ['192.0.2.0/24'], false],
    ['64:ff9b:0:0:0:0:c000:201', [], ['192.0.2.0/24'], false],
    ['0064:FF9B::c000:201', [], ['192.0.2.0/24'], false],
    ['64:ff9b::7', [], ['0.0.0.7'], false],
    ['64:ff9b::', [], ['0.0.0.0'], false],
    ['64:ff9b::c000:301', [], ['192.0.2.0/24'], true],
    ['64:ff9b::c000:201', [], ['64:ff9b::/96'], false],
    ['64:ff9b::c000:201', ['192.0.2.0/24', '64:ff9b::/96'], [], true],
    ['64:ff9b::1:c000:201', [], ['192.0.2.0/24', '0.1.192.0'], true],
    // What this machine takes for itself.
    ['0.0.0.0', [], ['127.0.0.0/8'], false],
    ['::', [], ['::1'], false],
    ['::ffff:0.0.0.0', [], ['127.0.0.0/8'], false],
    ['0.0.0.0', [], ['10.0.0.0/8'], true],
    // Zones.
    ['fe80::1%eth0', [], ['fe80::/10'], false],
    ['169.254.169.254', [], ['169.254.0.0/16'], false],
  ])('%s, allow %j, deny %j: %s', (address, allow, deny, admitted) => {
    const judge = filter(allow, deny)
    expect(judge.admits(addressOf(address))).toBe(admitted)
    expect(judge.admits(addressOf(address))).toBe(admitted)
  })

  it('is judged right however many have been judged before', () => {
    const judge = filter([], ['10.0.0.0/9'])
    for (let n = 0; n < 25_000; n++) {
      expect(judge.admits(addressOf(`10.${n % 256}.${(n >> 8) % 256}.1`))).toBe(n % 256 >= 128)
    }
  })
})

describe('a website whose address is denied', () => {
  const accepted: string[] = []
  const servers: net.Server[] = []
  let port: number

  beforeAll(async () => {
    port = await listen('127.0.0.1', 0)
    await listen('127.0.0.2', port)
    await listen('::1', port)
  })
  afterAll(() => {
    for (const server of servers) server.close()
  })
  beforeEach(() => {
    accepted.length = 0
  })

  /** Redirects to the path, as a whole URL without its slash. */
  async function listen(address: string, wanted: number): Promise<number> {
    const server = net.createServer((socket) => {
      accepted.push(address)
      socket.on('error', () => undefined)
      socket.once('data', (data) => {
        const target = decodeURIComponent(data.toString().split(' ')[1]?.slice(1) ?? '')
        socket.end(
          target
            ? `HTTP/1.1 302 Found\r\nLocation: ${target}\r\nContent-Length: 0\r\n\r\n`
            : 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nHello',
        )
      })
    })
    server.listen(wanted, address)
    await once(server, 'listening')
    servers.push(server)
    return (server.address() as AddressInfo).port
  }

  async function check(
    row: Partial<Website>,
    allow: readonly string[],
    deny: readonly string[],
    addresses?: Address[],
  ): Promise<CheckEntry> {
    const checker = new Checker({
      timeoutMs: 2_000,
      maxBodyBytes: 1_000_000,
      userAgent: 'webmon/1.0',
      resolver: addresses ? { resolve: async () => addresses } : new Resolver({ nameservers: ['127.0.0.1:9'] }),
      filter: filter(allow, deny),
      proxyFor: () => undefined,
      search: async (pattern, text) => text.includes(pattern),
    })
    return (await checker.check(website(row))) as CheckEntry
  }

  it.each([
    '127.0.0.1',
    '2130706433',
    '0x7f.1',
    '0x7f000001',
    '0177.0.0.1',
    '017700000001',
    '127.1',
    '127.0.1',
    '127.0.0.1.',
    '127.255.255.254',
    '%31%32%37.0.0.1',
    '127。0。0。1',
    '１２７.0.0.1',
    '①②⑦.⓪.⓪.①',
    '0.0.0.0',
    '0',
    '0x0',
    'localhost',
    'LOCALHOST',
    'localhost.',
    'any.localhost',
    '[::1]',
    '[0:0:0:0:0:0:0:1]',
    '[::]',
    '[::ffff:127.0.0.1]',
    '[::ffff:7f00:1]',
    '[0:0:0:0:0:ffff:127.0.0.1]',
    '[::ffff:0.0.0.0]',
    '[64:ff9b::127.0.0.1]',
    '[64:ff9b::7f00:1]',
  ])('http://%s/ is blocked, and nobody is asked', async (host) => {
    const entry = await check({ url: `http://${host}:${port}/` }, [], ['127.0.0.0/8', '::1'])
    expect(entry).toMatchObject({ error: 'blocked', httpStatus: 0, available: false })
    expect(entry.detail).toMatch(/^Connect: .* may not be checked \(monitoring\.allow, monitoring\.deny\)$/)
    expect(accepted).toEqual([])
  })

  it.each(['127.0.0.1', '2130706433', '127.1', '[::ffff:127.0.0.1]', '0.0.0.0', 'localhost'])(
    'http://%s/ is checked where that is allowed',
    async (host) => {
      const entry = await check({ url: `http://${host}:${port}/` }, ['127.0.0.0/8', '0.0.0.0'], ['127.0.0.2'])
      expect(entry).toMatchObject({ error: null, httpStatus: 200 })
      expect(accepted).toEqual(['127.0.0.1'])
    },
  )

  it.each(['127.0.0.2', '2130706434', '127.2', '[::ffff:127.0.0.2]', '[::1]', 'name.example'])(
    'is blocked as well when a redirect leads there: http://%s/',
    async (host) => {
      const target = encodeURIComponent(`http://${host}:${port}/`)
      const addresses = host === 'name.example' ? [addressOf('127.0.0.2')] : undefined
      const url = `http://127.0.0.1:${port}/${target}`
      const entry = addresses
        ? await checkNamed(url, { 'name.example': addresses })
        : await check({ url }, [], ['127.0.0.2', '::1'])
      expect(entry).toMatchObject({ error: 'blocked', httpStatus: 0, redirects: 1, available: false })
      expect(accepted).toEqual(['127.0.0.1'])
    },
  )

  it('is blocked at whichever hop', async () => {
    const once = (url: string) => `http://127.0.0.1:${port}/${encodeURIComponent(url)}`
    const entry = await check({ url: once(once(once(`http://127.0.0.2:${port}/`))) }, ['127.0.0.1'], [])
    expect(entry).toMatchObject({ error: 'blocked', redirects: 3 })
    expect(accepted).toEqual(['127.0.0.1', '127.0.0.1', '127.0.0.1'])
  })

  it('is blocked by https and with any method too', async () => {
    expect(await check({ url: `https://127.0.0.1:${port}/` }, [], ['127.0.0.1'])).toMatchObject({ error: 'blocked' })
    const posted = { url: `http://127.0.0.1:${port}/`, method: 'POST', body: 'x' }
    expect(await check(posted, ['192.0.2.0/24'], [])).toMatchObject({ error: 'blocked' })
    expect(accepted).toEqual([])
  })

  it('is not the way for a name that has an allowed address as well', async () => {
    const addresses = ['127.0.0.2', '::1', '127.0.0.1'].map(addressOf)
    const entry = await check({ url: `http://name.example:${port}/` }, [], ['127.0.0.2', '::1'], addresses)
    expect(entry).toMatchObject({ error: null, httpStatus: 200 })
    expect(accepted).toEqual(['127.0.0.1'])
  })

  it('is blocked when its name comes to be that of a denied address', async () => {
    const answers = [['127.0.0.1'], ['127.0.0.2']]
    const resolver = { resolve: async () => (answers.shift() ?? []).map(addressOf) }
    const url = `http://name.example:${port}/${encodeURIComponent(`http://name.example:${port}/`)}`
    expect(await checkWith(resolver, url)).toMatchObject({ error: 'blocked', redirects: 1 })
    expect(accepted).toEqual(['127.0.0.1'])
  })

  function checkNamed(url: string, names: Record<string, Address[]>): Promise<CheckEntry> {
    return checkWith({ resolve: async (host) => names[host] ?? [addressOf(host)] }, url)
  }

  async function checkWith(resolver: { resolve(host: string): Promise<Address[]> }, url: string): Promise<CheckEntry> {
    const checker = new Checker({
      timeoutMs: 2_000,
      maxBodyBytes: 1_000_000,
      userAgent: 'webmon/1.0',
      resolver,
      filter: filter([], ['127.0.0.2']),
      proxyFor: () => undefined,
      search: async () => true,
    })
    return (await checker.check(website({ url }))) as CheckEntry
  }
})
