import { execFile } from 'node:child_process'
import dns from 'node:dns'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import fc from 'fast-check'
import pLimit from 'p-limit'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Cache } from '../src/check/dns/cache.ts'
import { parseNameserver, parseResolvConf } from '../src/check/dns/resolvConf.ts'
import { type Address, DnsError, Resolver, type ResolverOptions } from '../src/check/dns/resolver.ts'
import { type NameServer, startNameServer } from './helpers/nameServer.ts'

const silence = { delayMs: Number.POSITIVE_INFINITY }
const unknownToSystem = async () => []

let server: NameServer
let folder: string
let clockMs: number
const resolvers: Resolver[] = []
const servers: NameServer[] = []

beforeEach(async () => {
  server = await startServer()
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'webmon-dns-'))
  clockMs = 0
})

afterEach(async () => {
  for (const resolver of resolvers.splice(0)) resolver.close()
  await Promise.all(servers.splice(0).map((server) => server.stop()))
  fs.rmSync(folder, { recursive: true })
})

async function startServer(): Promise<NameServer> {
  const started = await startNameServer()
  servers.push(started)
  return started
}

function write(file: 'hosts' | 'resolv.conf', text: string): string {
  fs.writeFileSync(path.join(folder, file), text)
  return path.join(folder, file)
}

function resolvConf(more = '', { address } = server): string {
  return `nameserver [${address.replace(':', ']:')}\n${more}\n`
}

/** A resolver on the test's name server, with a hosts file and a clock of the test's. */
function start({
  hosts = '',
  conf = resolvConf(),
  ...options
}: ResolverOptions & { hosts?: string; conf?: string } = {}) {
  const resolver = new Resolver({
    hostsFile: write('hosts', hosts),
    resolvConf: write('resolv.conf', conf),
    now: () => clockMs,
    systemLookup: unknownToSystem,
    networkInterfaces: () => ({}),
    ...options,
  })
  resolvers.push(resolver)
  return resolver
}

function texts(addresses: readonly Address[]): string[] {
  return addresses.map(({ address }) => address)
}

async function failureOf(resolving: Promise<unknown>): Promise<DnsError> {
  const error = await resolving.then(
    (addresses) => expect.fail(`resolved to ${JSON.stringify(addresses)}`),
    (error: unknown) => error,
  )
  expect(error).toBeInstanceOf(DnsError)
  return error as DnsError
}

async function timed<T>(promise: Promise<T>): Promise<{ value: T; tookMs: number }> {
  const startMs = performance.now()
  const value = await promise
  return { value, tookMs: performance.now() - startMs }
}

function namesAsked({ queries } = server): string[] {
  return queries.filter(({ type }) => type === 'A').map(({ name }) => name)
}

describe('a host that needs no name server', () => {
  it.each([
    ['192.0.2.7', '192.0.2.7', 4],
    ['2001:db8::1', '2001:db8::1', 6],
    ['[::1]', '::1', 6],
    ['[fe80::1%lo]', 'fe80::1%lo', 6],
  ])('is itself when it is an address: %s', async (host, address, family) => {
    expect(await start({ hosts: `127.0.0.9 ${address}` }).resolve(host)).toEqual([{ address, family }])
    expect(server.queries).toEqual([])
  })

  it.each(['localhost', 'LOCALHOST', 'localhost.', 'a.b.localhost'])('is the loopback when it is %s', async (host) => {
    expect(texts(await start().resolve(host))).toEqual(['127.0.0.1', '::1'])
    expect(server.queries).toEqual([])
  })

  it('is looked up in the hosts file by names and aliases in any case, before the name servers', async () => {
    const hosts = [
      '192.0.2.1 One.test alias.test # comment.test',
      '  \t192.0.2.2\tONE.test',
      '192.0.2.2 one.test',
      'fe80::1%lo zone.test',
      '# 192.0.2.3 none.test',
      'garbage one.test',
      '127.0.0.5 localhost',
      '192.0.2.4',
    ].join('\r\n')
    const resolver = start({ hosts })
    expect(texts(await resolver.resolve('one.test'))).toEqual(['192.0.2.1', '192.0.2.2'])
    expect(texts(await resolver.resolve('ALIAS.test.'))).toEqual(['192.0.2.1'])
    expect(await resolver.resolve('zone.test')).toEqual([{ address: 'fe80::1%lo', family: 6 }])
    expect(texts(await resolver.resolve('localhost'))).toEqual(['127.0.0.5'])
    expect(server.queries).toEqual([])
    for (const name of ['none.test', 'comment.test', 'garbage']) await failureOf(resolver.resolve(name))
  })

  it('follows a hosts file that changes, which is looked at once a second', async () => {
    const resolver = start({ hosts: '192.0.2.1 one.test' })
    expect(texts(await resolver.resolve('one.test'))).toEqual(['192.0.2.1'])
    write('hosts', '192.0.2.2 one.test')
    clockMs += 999
    expect(texts(await resolver.resolve('one.test'))).toEqual(['192.0.2.1'])
    clockMs += 1
    expect(texts(await resolver.resolve('one.test'))).toEqual(['192.0.2.2'])
  })

  it('survives a hosts file that is empty for a moment, being rewritten, and not one that stays so', async () => {
    server.answer('one.test', { a: ['192.0.2.99'] })
    const resolver = start({ hosts: '192.0.2.1 one.test' })
    const look = async () => {
      clockMs += 1_000
      return texts(await resolver.resolve('one.test'))
    }
    expect(await look()).toEqual(['192.0.2.1'])
    write('hosts', '')
    expect(await look()).toEqual(['192.0.2.1'])
    write('hosts', '192.0.2.2 one.test')
    expect(await look()).toEqual(['192.0.2.2'])
    fs.rmSync(path.join(folder, 'hosts'))
    expect(await look()).toEqual(['192.0.2.2'])
    expect(await look()).toEqual(['192.0.2.99'])
  })
})

describe('resolv.conf', () => {
  it.each<[string, string, string[]]>([
    ['has enough dots', 'a.b', ['a.b', 'a.b.one.test', 'a.b.two.test']],
    ['has too few dots', 'a', ['a.one.test', 'a.two.test', 'a']],
    ['ends with a dot', 'a.', ['a']],
  ])('has a name that %s asked for in the order of glibc', async (_, name, asked) => {
    const resolver = start({ conf: resolvConf('search One.test two.test.') })
    expect((await failureOf(resolver.resolve(name))).code).toBe('unknown')
    expect(namesAsked()).toEqual(asked)
  })

  it('says with ndots from how many dots on a name is tried as it is first, as in Kubernetes', async () => {
    server.answer('web.shop.svc.cluster.test', { a: ['192.0.2.1'] })
    server.answer('www.example.test', { a: ['192.0.2.2'] })
    const search = 'search shop.svc.cluster.test svc.cluster.test cluster.test\noptions edns0 ndots:5'
    const resolver = start({ conf: resolvConf(search) })
    expect(texts(await resolver.resolve('web.shop'))).toEqual(['192.0.2.1'])
    expect(namesAsked()).toEqual(['web.shop.shop.svc.cluster.test', 'web.shop.svc.cluster.test'])
    server.queries.length = 0
    expect(texts(await resolver.resolve('www.example.test'))).toEqual(['192.0.2.2'])
    expect(namesAsked()).toHaveLength(4)
  })

  it('leaves a name whose search domain fails for another, but does not keep that answer', async () => {
    server.answer('web.one.test', { rcode: 'SERVFAIL' })
    server.answer('web.two.test', { a: ['192.0.2.1'] })
    const resolver = start({ conf: resolvConf('search one.test two.test') })
    for (let n = 1; n <= 2; n++) {
      expect(texts(await resolver.resolve('web'))).toEqual(['192.0.2.1'])
      expect(server.asked('web.two.test', 'A')).toBe(n)
    }
    server.answer('web.two.test', { rcode: 'NXDOMAIN' })
    expect((await failureOf(resolver.resolve('web'))).code).toBe('temporary')
  })

  it('is followed when it changes, while what was asked before gets its answer', async () => {
    const other = await startServer()
    server.answer('one.test', { a: ['192.0.2.1'], delayMs: 300 })
    other.answer('one.test', { a: ['192.0.2.2'] })
    const resolver = start()
    const before = resolver.resolve('one.test')
    write('resolv.conf', resolvConf('', other))
    clockMs += 1_000
    expect(texts(await resolver.resolve('one.test'))).toEqual(['192.0.2.2'])
    expect(texts(await before)).toEqual(['192.0.2.1'])
    expect(texts(await resolver.resolve('one.test'))).toEqual(['192.0.2.2'])
  })

  it('that was only touched changes nothing: what is known stays known', async () => {
    server.answer('one.test', { a: ['192.0.2.1'] })
    const resolver = start()
    await resolver.resolve('one.test')
    clockMs += 1_000
    fs.utimesSync(path.join(folder, 'resolv.conf'), 1, 1)
    await resolver.resolve('one.test')
    expect(server.asked('one.test', 'A')).toBe(1)
  })

  it('gives its search domains also to the configured name servers', async () => {
    const other = await startServer()
    other.answer('web.one.test', { a: ['192.0.2.1'] })
    const resolver = start({ nameservers: [other.address], conf: resolvConf('search one.test') })
    expect(texts(await resolver.resolve('web'))).toEqual(['192.0.2.1'])
    expect(server.queries).toEqual([])
  })

  it('is read as resolv.conf(5) says', () => {
    const text = [
      '# nameserver 192.0.2.9',
      '; nameserver 192.0.2.9',
      'nameserver 192.0.2.1',
      'nameserver\t2001:db8::53 # the second',
      'nameserver fe80::1%eth0',
      'nameserver [192.0.2.2]:5353',
      'nameserver ns.example',
      'nameserver',
      'domain first.test',
      'search  One.test two.test. .',
      'options timeout:9 ndots:3',
      'options rotate ndots:99',
      'sortlist 192.0.2.0',
    ].join('\n')
    expect(parseResolvConf(text)).toEqual({
      nameservers: ['192.0.2.1', '2001:db8::53', '192.0.2.2:5353'],
      search: ['one.test', 'two.test', ''],
      ndots: 15,
    })
    expect(parseResolvConf('search a.test\ndomain b.test c.test').search).toEqual(['b.test'])
    expect(parseResolvConf('')).toEqual({ nameservers: [], search: [], ndots: 1 })
  })

  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['192.0.2.1:5353', '192.0.2.1:5353'],
    ['2001:db8::1', '2001:db8::1'],
    ['[2001:db8::1]', '[2001:db8::1]:53'],
    ['[2001:db8::1]:5353', '[2001:db8::1]:5353'],
    ['192.0.2.1:0', undefined],
    ['192.0.2.1:65536', undefined],
    ['192.0.2.256', undefined],
    ['fe80::1%eth0', undefined],
    ['[192.0.2]:53', undefined],
    ['ns.example', undefined],
    ['', undefined],
  ])('and the configuration may name a name server %j: %j', (text, expected) => {
    expect(parseNameserver(text)).toBe(expected)
    if (expected === undefined) expect(() => new Resolver({ nameservers: [text] })).toThrow(TypeError)
    else new Resolver({ nameservers: [text] }).close()
  })
})

describe('what the name servers answered', () => {
  it('is kept for its TTL and no longer', async () => {
    server.answer('one.test', { a: ['192.0.2.1'], aaaa: ['2001:db8::1'], ttl: 20 })
    const resolver = start()
    await resolver.resolve('one.test')
    clockMs += 19_999
    expect(texts(await resolver.resolve('ONE.test'))).toEqual(['192.0.2.1', '2001:db8::1'])
    expect(server.asked('one.test')).toBe(2)
    clockMs += 1
    await resolver.resolve('one.test')
    expect(server.asked('one.test')).toBe(4)
  })

  it.each<[string, number, Parameters<NameServer['answer']>[1]]>([
    ['30 s, however long its TTL', 30, { a: ['192.0.2.1'], ttl: 86_400 }],
    ['the TTL of the CNAME before it', 7, { a: ['192.0.2.1'], ttl: 20, cname: { name: 'two.test', ttl: 7 } }],
    [
      'the smaller TTL of its two families',
      5,
      ({ type }) => ({ a: ['192.0.2.1'], aaaa: ['2001:db8::1'], ttl: type === 'A' ? 20 : 5 }),
    ],
    ['the flight, when its TTL is 0', 0, { a: ['192.0.2.1'], ttl: 0 }],
  ])('is kept for %s', async (_, seconds, answering) => {
    server.answer('one.test', answering)
    const resolver = start()
    await resolver.resolve('one.test')
    if (seconds > 0) {
      clockMs += seconds * 1_000 - 1
      await resolver.resolve('one.test')
      expect(server.asked('one.test', 'A')).toBe(1)
      clockMs += 1
    }
    await resolver.resolve('one.test')
    expect(server.asked('one.test', 'A')).toBe(2)
  })

  it('is asked for once by all who want it at the same time', async () => {
    server.answer('one.test', { a: ['192.0.2.1'], ttl: 0, delayMs: 50 })
    server.answer('two.test', { rcode: 'NXDOMAIN', delayMs: 50 })
    const resolver = start()
    const found = await Promise.all(Array.from({ length: 50 }, () => resolver.resolve('one.test')))
    expect(found).toEqual(Array.from({ length: 50 }, () => [{ address: '192.0.2.1', family: 4 }]))
    const failures = await Promise.all(Array.from({ length: 50 }, () => failureOf(resolver.resolve('two.test'))))
    expect(new Set(failures.map(({ code }) => code))).toEqual(new Set(['unknown']))
    expect([server.asked('one.test'), server.asked('two.test')]).toEqual([2, 2])
  })

  it('belongs to each caller alone', async () => {
    server.answer('one.test', { a: ['192.0.2.1', '192.0.2.2'] })
    const resolver = start()
    ;(await resolver.resolve('one.test')).length = 0
    expect(await resolver.resolve('one.test')).toHaveLength(2)
  })

  it('is not kept when it is that there is no such name', async () => {
    const resolver = start()
    await failureOf(resolver.resolve('one.test'))
    server.answer('one.test', { a: ['192.0.2.1'] })
    expect(texts(await resolver.resolve('one.test'))).toEqual(['192.0.2.1'])
  })

  it('is kept for 10,000 names, the newest', () => {
    const cache = new Cache(() => clockMs)
    for (let n = 0; n < 12_000; n++) cache.set(`${n}.test`, [{ address: '192.0.2.1', family: 4 }], 30)
    expect(cache.size).toBe(10_000)
    expect(cache.get('1999.test')).toBeUndefined()
    expect(cache.get('2000.test')).toHaveLength(1)
    clockMs += 30_000
    expect(cache.get('2000.test')).toBeUndefined()
    expect(cache.size).toBe(9_999)
  })

  it('may be large: it comes over TCP then, and of each family the first 16 addresses are taken, each once', async () => {
    const a = Array.from({ length: 300 }, (_, n) => `10.0.${n >> 8}.${n & 255}`)
    server.answer('one.test', { a: ['10.0.0.0', ...a], aaaa: a.map((_, n) => `2001:db8::${n + 1}`) })
    const addresses = texts(await start().resolve('one.test'))
    expect(addresses.filter((address) => !address.includes(':'))).toEqual(a.slice(0, 16))
    expect(addresses.filter((address) => address.includes(':'))).toHaveLength(16)
    expect(server.queries.map(({ transport }) => transport).sort()).toEqual(['tcp', 'tcp', 'udp', 'udp'])
  })
})

describe('a name', () => {
  it('without IPv6 addresses, or without IPv4 ones, is found all the same', async () => {
    server.answer('four.test', { a: ['192.0.2.1'] })
    server.answer('six.test', { aaaa: ['2001:db8::1'] })
    server.answer('half.test', ({ type }) => (type === 'A' ? { a: ['192.0.2.1'] } : { rcode: 'NXDOMAIN' }))
    const resolver = start()
    expect(await resolver.resolve('four.test')).toEqual([{ address: '192.0.2.1', family: 4 }])
    expect(await resolver.resolve('six.test')).toEqual([{ address: '2001:db8::1', family: 6 }])
    expect(await resolver.resolve('half.test')).toEqual([{ address: '192.0.2.1', family: 4 }])
  })

  it('is unknown when it does not exist, and when it has no addresses', async () => {
    server.answer('empty.test', {})
    const resolver = start()
    const failures = [await failureOf(resolver.resolve('none.test')), await failureOf(resolver.resolve('empty.test'))]
    expect(failures.map(({ code, message }) => [code, message])).toEqual([
      ['unknown', 'the name does not exist'],
      ['unknown', 'the name exists, but has no address'],
    ])
    expect(server.asked('none.test', 'A')).toBe(1)
  })

  it.each([
    '',
    '.',
    'a..test',
    `${'a'.repeat(64)}.test`,
    `${'a.'.repeat(127)}test`,
    'a\\.test',
    'a\0.test',
    'ü.test',
    'a b',
  ])('that DNS cannot hold is unknown, and nobody is asked: %j', async (host) => {
    let lookups = 0
    const resolver = start({
      systemLookup: async () => [{ address: '192.0.2.1', family: 4 as const }].slice(lookups++),
    })
    expect((await failureOf(resolver.resolve(host))).code).toBe('unknown')
    expect([server.queries.length, lookups]).toEqual([0, 0])
  })

  it('is asked for once more when the name server failed', async () => {
    server.answer('one.test', (_, before) => (before === 0 ? { rcode: 'SERVFAIL' } : { a: ['192.0.2.1'] }))
    expect(texts(await start().resolve('one.test'))).toEqual(['192.0.2.1'])
    expect(server.asked('one.test', 'A')).toBe(2)
  })

  it.each(['SERVFAIL', 'REFUSED', 'NOTIMP', 'FORMERR'] as const)('fails for a time after two %s', async (rcode) => {
    server.answer('one.test', { rcode })
    const { code, message } = await failureOf(start().resolve('one.test'))
    expect([code, message]).toEqual(['temporary', `the name server ${server.address} answered ${rcode}`])
    expect(server.asked('one.test', 'A')).toBe(2)
  })

  it('fails for a time after an answer that makes no sense', async () => {
    server.answer('one.test', { raw: Buffer.from('garbage') })
    const { code, message } = await failureOf(start().resolve('one.test'))
    expect([code, message]).toEqual(['temporary', `the answer of the name server ${server.address} makes no sense`])
  })

  it('is taken from the next name server when one refuses, fails or is gone', async () => {
    const [failing, gone] = [await startServer(), await startServer()]
    await gone.stop()
    failing.answer('*', { rcode: 'SERVFAIL' })
    server.answer('*', { rcode: 'REFUSED' })
    const last = await startServer()
    last.answer('one.test', { a: ['192.0.2.1'] })
    const nameservers = [gone.address, server.address, failing.address, last.address]
    expect(texts(await start({ nameservers }).resolve('one.test'))).toEqual(['192.0.2.1'])
  })

  it('fails for a time, soon and whatever is to be searched, when no name server listens', async () => {
    await server.stop()
    const resolver = start({ conf: resolvConf('search a.test b.test c.test d.test') })
    const { value, tookMs } = await timed(failureOf(resolver.resolve('one.test')))
    expect([value.code, value.message]).toEqual(['temporary', `the name server ${server.address} cannot be reached`])
    expect(tookMs).toBeLessThan(800)
  })

  it('is found when packets are lost on the way', async () => {
    server.answer('one.test', (_, before) => (before < 2 ? silence : { a: ['192.0.2.1'] }))
    expect(texts(await start().resolve('one.test'))).toEqual(['192.0.2.1'])
  })

  it('is found at a server that is usually fast and takes 0.9 s for this one each time it is asked', async () => {
    server.answer('*', { a: ['192.0.2.1'] })
    server.answer('slow.test', { a: ['192.0.2.2'], delayMs: 900 })
    const resolver = start()
    for (let n = 0; n < 10; n++) await resolver.resolve(`${n}.test`)
    expect(texts(await resolver.resolve('slow.test'))).toEqual(['192.0.2.2'])
  })

  it('is found soon when the first of two name servers is silent', async () => {
    server.answer('*', silence)
    const other = await startServer()
    other.answer('*', { a: ['192.0.2.1'] })
    const resolver = start({ nameservers: [server.address, other.address] })
    expect((await timed(resolver.resolve('one.test'))).tookMs).toBeLessThan(2_000)
    // c-ares has learnt by now whom to ask.
    expect((await timed(resolver.resolve('two.test'))).tookMs).toBeLessThan(200)
  })

  it.each<[string, object]>([
    ['fails', { rcode: 'SERVFAIL' }],
    ['is silent', silence],
  ])('has the addresses of one family when the other %s, for this time', async (_, failing) => {
    server.answer('one.test', ({ type }) => (type === 'AAAA' ? failing : { a: ['192.0.2.1'] }))
    const resolver = start()
    const { value, tookMs } = await timed(resolver.resolve('one.test'))
    expect(texts(value)).toEqual(['192.0.2.1'])
    expect(tookMs).toBeLessThan(1_000)
    server.answer('one.test', { a: ['192.0.2.1'], aaaa: ['2001:db8::1'] })
    expect(await resolver.resolve('one.test')).toHaveLength(2)
  })

  it('is not said to be unknown when one family has nothing and the other fails', async () => {
    server.answer('one.test', ({ type }) => (type === 'AAAA' ? { rcode: 'SERVFAIL' } : {}))
    expect((await failureOf(start().resolve('one.test'))).code).toBe('temporary')
  })
})

describe('a name server that is silent', () => {
  it('fails a name within 4 s, and four such names delay no other', async () => {
    server.answer('*', { a: ['192.0.2.1'], delayMs: 5 })
    const hung = ['1.hung.test', '2.hung.test', '3.hung.test', '4.hung.test']
    for (const name of hung) server.answer(name, silence)
    const resolver = start()
    const lag = monitorEventLoopDelay({ resolution: 5 })
    lag.enable()
    let over = false
    const failing = Promise.all(hung.map((name) => timed(failureOf(resolver.resolve(name))))).finally(() => {
      over = true
    })
    const took: number[] = []
    while (!over) {
      took.push((await timed(resolver.resolve(`${took.length}.test`))).tookMs)
      await sleep(10)
    }
    lag.disable()
    for (const { value, tookMs } of await failing) {
      expect(tookMs).toBeLessThan(4_000)
      expect(value.code).toBe('temporary')
      expect(value.message).toMatch(new RegExp(`^no answer from the name server ${server.address} in 3.8 s$`))
    }
    expect(took.length).toBeGreaterThan(100)
    expect(took.sort((a, b) => a - b).at(Math.floor(took.length * 0.99))).toBeLessThan(100)
    expect(lag.percentile(99) / 1e6).toBeLessThan(50)
  })

  it('is the exception: of others 200 names that take 20 ms each, 50 at a time, are known in well under a second', async () => {
    server.answer('*', { a: ['192.0.2.1'], aaaa: ['2001:db8::1'], delayMs: 20 })
    const resolver = start()
    // All at once, the 400 answers of one moment would not fit into Linux's buffer of a socket (some 277).
    const limit = pLimit(50)
    const names = Array.from({ length: 200 }, (_, n) => `${n}.test`)
    const { value, tookMs } = await timed(limit.map(names, (name) => resolver.resolve(name)))
    expect(value.every((addresses) => addresses.length === 2)).toBe(true)
    // By way of getaddrinfo, two at a time, these would be 2 s.
    expect(tookMs).toBeLessThan(800)
  })
})

describe('a name that DNS does not know', () => {
  const printer: Address = { address: '192.0.2.8', family: 4 }

  it('is asked of the system once more, which may know it from elsewhere', async () => {
    const resolver = start({ systemLookup: async (name) => (name === 'printer.test' ? [printer] : []) })
    expect(await resolver.resolve('printer.test')).toEqual([printer])
    expect((await failureOf(resolver.resolve('other.test'))).code).toBe('unknown')
  })

  it('may be the one of this machine', async ({ skip }) => {
    skip(!(await isKnown(os.hostname())), 'the system does not know its own name')
    const resolver = new Resolver({ hostsFile: write('hosts', ''), resolvConf: write('resolv.conf', resolvConf()) })
    resolvers.push(resolver)
    expect(await resolver.resolve(os.hostname())).not.toEqual([])
    expect(server.asked(os.hostname().toLowerCase(), 'A')).toBe(1)
  })

  it('is unknown when the system fails, and after a second when it does not answer', async () => {
    const failing = start({ systemLookup: () => Promise.reject(new Error('EAI_AGAIN')) })
    expect((await failureOf(failing.resolve('one.test'))).message).toBe('the name does not exist')
    const hanging = start({ systemLookup: () => new Promise(() => {}) })
    const { value, tookMs } = await timed(failureOf(hanging.resolve('one.test')))
    expect(value.code).toBe('unknown')
    expect(tookMs).toBeGreaterThan(900)
    expect(tookMs).toBeLessThan(1_500)
  })

  it('takes one of the two threads for getaddrinfo at most, and none for a name that nobody waits for any more', async () => {
    const asked: string[] = []
    let running = 0
    let most = 0
    const resolver = start({
      systemLookup: async (name) => {
        asked.push(name)
        most = Math.max(most, ++running)
        await sleep(name === 'first.test' ? 1_300 : 50)
        running--
        return []
      },
    })
    const first = failureOf(resolver.resolve('first.test'))
    await sleep(100)
    await Promise.all([first, ...[1, 2, 3].map((n) => failureOf(resolver.resolve(`${n}.test`)))])
    await sleep(500)
    await Promise.all([4, 5].map((n) => failureOf(resolver.resolve(`${n}.test`))))
    expect(asked).toEqual(['first.test', '4.test', '5.test'])
    expect(most).toBe(1)
  })

  it('is not asked of the system, and so of its name servers, when others are configured', async () => {
    const resolver = start({ nameservers: [server.address], systemLookup: async () => [printer] })
    expect((await failureOf(resolver.resolve('printer.test'))).code).toBe('unknown')
  })
})

describe('the order of the addresses', () => {
  const both = { a: ['192.0.2.1', '192.0.2.2', '192.0.2.3'], aaaa: ['2001:db8::1'] }

  it.each<[string, string, boolean, string[]]>([
    ['a global IPv6 address', '2001:db8::7', false, ['2001:db8::1', '192.0.2.1', '192.0.2.2', '192.0.2.3']],
    ['a link-local one', 'fe80::7', false, ['192.0.2.1', '2001:db8::1', '192.0.2.2', '192.0.2.3']],
    ['a private one', 'fd00::7', false, ['192.0.2.1', '2001:db8::1', '192.0.2.2', '192.0.2.3']],
    ['IPv4 alone', '192.0.2.7', false, ['192.0.2.1', '2001:db8::1', '192.0.2.2', '192.0.2.3']],
  ])('has the families take turns; this machine has %s', async (_, address, internal, expected) => {
    server.answer('one.test', both)
    const own = { address, internal } as os.NetworkInterfaceInfo
    expect(texts(await start({ networkInterfaces: () => ({ eth0: [own] }) }).resolve('one.test'))).toEqual(expected)
  })

  it('follows this machine when it gets IPv6, within 30 s', async () => {
    server.answer('one.test', { ...both, ttl: 1 })
    const own: os.NetworkInterfaceInfo[] = []
    const resolver = start({ networkInterfaces: () => ({ eth0: own }) })
    expect((await resolver.resolve('one.test'))[0]?.family).toBe(4)
    own.push({ address: '2001:db8::7', internal: false } as os.NetworkInterfaceInfo)
    clockMs += 30_000
    expect((await resolver.resolve('one.test'))[0]?.family).toBe(6)
  })
})

describe('the resolver', () => {
  it('ends in addresses or in a DnsError, whatever the host and whatever the answer', async () => {
    const resolver = start({ nameservers: [server.address] })
    const hosts = fc.oneof(fc.string({ unit: 'binary' }), fc.domain(), fc.ipV6(), fc.constant('raw.test'))
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(hosts, fc.uint8Array({ maxLength: 100 })), { minLength: 20 }),
        async (cases) => {
          server.answer('*', ({ name }) => {
            const raw = cases.find(([host]) => host.toLowerCase() === name)?.[1]
            return raw && raw.length > 0 ? { raw: Buffer.from(raw) } : { rcode: 'NXDOMAIN' }
          })
          const outcomes = await Promise.allSettled(cases.map(([host]) => resolver.resolve(host)))
          for (const outcome of outcomes) {
            if (outcome.status === 'rejected') expect(outcome.reason).toBeInstanceOf(DnsError)
            else expect(outcome.value.length).toBeGreaterThan(0)
          }
        },
      ),
      { numRuns: 10 },
    )
  })

  it('ends what is under way when it is closed, and takes no more', async () => {
    server.answer('*', silence)
    server.answer('none.test', { rcode: 'NXDOMAIN' })
    server.answer('fail.test', { rcode: 'SERVFAIL' })
    const resolver = start({ systemLookup: () => new Promise(() => {}) })
    const timers = () => process.getActiveResourcesInfo().filter((resource) => resource === 'Timeout').length
    const timersBefore = timers()
    const failing = ['one.test', 'none.test', 'fail.test'].map((name) => failureOf(resolver.resolve(name)))
    await sleep(100)
    resolver.close()
    const { value, tookMs } = await timed(Promise.all(failing))
    expect(tookMs).toBeLessThan(50)
    // c-ares tells what it gave up a moment later: that is to start nothing anew.
    await sleep(20)
    expect(timers()).toBeLessThanOrEqual(timersBefore)
    for (const { code, message } of [...value, await failureOf(resolver.resolve('192.0.2.1'))]) {
      expect([code, message]).toEqual(['temporary', 'the resolver was closed'])
    }
  })

  it.each([
    ['closed', 'setTimeout(() => resolver.close(), 100)', 'one.test', 'the resolver was closed', 1_500],
    ['idle', '', 'none.test', 'the name does not exist', 1_500],
  ])('keeps no process alive when it is %s', async (_, then, name, message, withinMs) => {
    server.answer('one.test', silence)
    const script = `
      import { Resolver } from './dist/check/dns/resolver.js'
      const resolver = new Resolver({ nameservers: ['${server.address}'] })
      const startMs = performance.now()
      process.on('exit', () => console.log(Math.round(performance.now() - startMs)))
      ${then}
      resolver.resolve('${name}').catch((error) => console.log(error.message))`
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script])
    const [said, tookMs] = stdout.split('\n')
    expect(said).toBe(message)
    expect(Number(tookMs)).toBeLessThan(withinMs)
  })
})

async function isKnown(name: string): Promise<boolean> {
  return dns.promises.lookup(name).then(
    () => !/(^|\.)localhost$/i.test(name),
    () => false,
  )
}
