import '../local/reflectMetadata.ts'
import { webcrypto } from 'node:crypto'
import { once } from 'node:events'
import http from 'node:http'
import https from 'node:https'
import net, { type AddressInfo } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { BasicConstraintsExtension, SubjectAlternativeNameExtension, X509CertificateGenerator } from '@peculiar/x509'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Authority, type Certificate } from '../local/certificates.ts'
import type { CheckEntry } from '../src/checkEntry.ts'
import type { Website } from '../src/website.ts'
import { website } from './helpers/entries.ts'
import { startTrustingChecks, type TrustingChecks } from './helpers/trustingChecks.ts'

const dayMs = 86_400_000
/** Certificates know whole seconds. */
const nowMs = Math.floor(Date.now() / 1000) * 1000
const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const

let authority: Authority
/** Trusted as well. */
let top: Made
let checks: TrustingChecks
const servers: https.Server[] = []
const serverNames: (string | false | undefined)[] = []

beforeAll(async () => {
  authority = await Authority.create()
  top = await makeCertificate('CN=top', undefined, true)
  checks = await startTrustingChecks(`${authority.cert}\n${top.cert}`)
})
afterAll(async () => {
  for (const server of servers) {
    server.close()
    server.closeAllConnections()
  }
  await checks?.stop()
})

/** A website with this certificate. @returns its port */
async function serve(
  certificate: Certificate,
  listener: http.RequestListener = (_, response) => response.end('Hello'),
  options: https.ServerOptions = {},
): Promise<number> {
  const server = https.createServer({ ...certificate, ...options }, listener)
  server.on('secureConnection', (socket: TLSSocket & { servername?: string | false }) =>
    serverNames.push(socket.servername),
  )
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  servers.push(server)
  return (server.address() as AddressInfo).port
}

function check(port: number, host = 'localhost', row: Partial<Website> = {}): Promise<CheckEntry> {
  return checks.check(website({ url: `https://${host}:${port}/`, regex: 'Hello', ...row }))
}

/** What the certificate says, whatever becomes of the check. */
function dates(beginsMs: number, expiresMs: number) {
  return { begins: new Date(beginsMs), expires: new Date(expiresMs), issuer: 'webmon test authority' }
}

/** The date as OpenSSL writes it: "Jan  5 06:07:08 2024 GMT". */
function openssl(date: Date): string {
  const [, day, month, year, time] = date.toUTCString().split(/[ ,]+/)
  return `${month} ${String(Number(day)).padStart(2)} ${time} ${year} GMT`
}

interface Made extends Certificate {
  readonly name: string
  readonly keys: webcrypto.CryptoKeyPair
}

/** Signed with its own key, or with that of an issuer. */
async function makeCertificate(name: string, issuer?: Pick<Made, 'name' | 'keys'>, isAuthority = false): Promise<Made> {
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
  const certificate = await X509CertificateGenerator.create({
    subject: name,
    issuer: issuer?.name ?? name,
    publicKey: keys.publicKey,
    signingKey: (issuer?.keys ?? keys).privateKey,
    signingAlgorithm: algorithm,
    notBefore: new Date(nowMs - dayMs),
    notAfter: new Date(nowMs + dayMs),
    extensions: [
      new BasicConstraintsExtension(isAuthority, undefined, true),
      new SubjectAlternativeNameExtension([{ type: 'dns', value: 'localhost' }]),
    ],
  })
  const key = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey)).toString('base64')
  return {
    cert: certificate.toString('pem'),
    key: `-----BEGIN PRIVATE KEY-----\n${key}\n-----END PRIVATE KEY-----\n`,
    name,
    keys,
  }
}

describe('a certificate that is trusted', () => {
  it.each(['localhost', '127.0.0.1', 'one.example', 'www.two.example'])('is accepted for https://%s/', async (host) => {
    const notBefore = new Date(nowMs - dayMs)
    const notAfter = new Date(nowMs + 30 * dayMs)
    const hosts = ['localhost', '127.0.0.1', 'one.example', '*.two.example']
    const port = await serve(await authority.issue({ hosts, notBefore, notAfter }))
    const entry = await check(port, host)
    expect(entry).toMatchObject({ httpStatus: 200, error: null, detail: null, available: true })
    expect(entry.certificate).toEqual(dates(notBefore.getTime(), notAfter.getTime()))
    expect(entry.tlsTimeMs).toBeGreaterThanOrEqual(0)
  })

  it('is asked for by name, and not by address', async () => {
    const port = await serve(await authority.issue({ hosts: ['one.example', '127.0.0.1'] }))
    serverNames.length = 0
    await check(port, 'one.example')
    await check(port, '127.0.0.1')
    expect(serverNames).toEqual(['one.example', false])
  })

  it('is noted in its newest form for far-off dates', async () => {
    const notBefore = new Date('1950-01-01T00:00:00Z')
    const notAfter = new Date('9999-12-31T23:59:59Z')
    const port = await serve(await authority.issue({ notBefore, notAfter }))
    expect((await check(port)).certificate).toEqual(dates(notBefore.getTime(), notAfter.getTime()))
  })

  it('is the one that ends first, where several were shown', async () => {
    const soon = { notAfter: new Date(nowMs + 2 * dayMs), notBefore: new Date(nowMs - dayMs) }
    const later = { notAfter: new Date(nowMs + 20 * dayMs), notBefore: new Date(nowMs - dayMs) }
    const last = await serve(await authority.issue(later))
    const middle = await serve(await authority.issue(soon), redirect(last))
    const first = await serve(await authority.issue(later), redirect(middle))
    const entry = await check(first)
    expect(entry).toMatchObject({ httpStatus: 200, redirects: 2 })
    expect(entry.certificate?.expires).toEqual(soon.notAfter)
  })

  it('may come with an authority in between', async () => {
    const { leaf, between } = await chain()
    const port = await serve({ cert: `${leaf.cert}\n${between.cert}`, key: leaf.key })
    expect(await check(port)).toMatchObject({ httpStatus: 200, error: null, certificate: { issuer: 'between' } })
  })

  it('does not send the credentials of a website from https to http', async () => {
    const seen: http.IncomingHttpHeaders[] = []
    const plain = http.createServer((request, response) => {
      seen.push(request.headers)
      response.end('Hello')
    })
    plain.listen(0, '127.0.0.1')
    await once(plain, 'listening')
    const { port: plainPort } = plain.address() as AddressInfo
    const port = await serve(await authority.issue(), (_, response) => {
      response.writeHead(302, { location: `http://localhost:${plainPort}/` }).end()
    })
    const entry = await check(port, 'ann:secret@localhost', { headers: { 'X-Token': 'secret' } })
    plain.close()
    expect(entry).toMatchObject({ httpStatus: 200, redirects: 1, finalUrl: `http://localhost:${plainPort}/` })
    expect(JSON.stringify([seen, entry])).not.toMatch(/secret|Basic/)
  })
})

function redirect(port: number): http.RequestListener {
  return (_, response) => response.writeHead(302, { location: `https://localhost:${port}/` }).end()
}

async function chain() {
  const between = await makeCertificate('CN=between', top, true)
  const leaf = await makeCertificate('CN=localhost', between)
  return { leaf, between }
}

describe('a certificate that is refused', () => {
  interface Refused {
    readonly name: string
    readonly certificate: () => Promise<Certificate>
    readonly detail: string | RegExp
    readonly expires?: Date
    readonly host?: string
  }

  const hourAgo = new Date(nowMs - 3_600_000)
  const tomorrow = new Date(nowMs + dayMs)
  const inAMonth = new Date(nowMs + 30 * dayMs)
  const cases: readonly Refused[] = [
    {
      name: 'has expired',
      certificate: () => authority.issue({ notBefore: new Date(nowMs - dayMs), notAfter: hourAgo }),
      detail: `TLS: the certificate ended on ${openssl(hourAgo)}`,
      expires: hourAgo,
    },
    {
      name: 'is not valid yet',
      certificate: () => authority.issue({ notBefore: tomorrow, notAfter: inAMonth }),
      detail: `TLS: the certificate begins on ${openssl(tomorrow)}`,
      expires: inAMonth,
    },
    {
      name: 'is for other names',
      certificate: () => authority.issue({ hosts: ['one.example', 'two.example', '192.0.2.1'], notAfter: inAMonth }),
      detail: 'TLS: the certificate is for one.example, two.example, 192.0.2.1, not for localhost',
      expires: inAMonth,
    },
    {
      name: 'is for a name, and asked by address',
      certificate: () => authority.issue({ hosts: ['localhost'], notAfter: inAMonth }),
      host: '127.0.0.1',
      detail: 'TLS: the certificate is for localhost, not for 127.0.0.1',
      expires: inAMonth,
    },
    {
      name: 'is for the names one level up',
      certificate: () => authority.issue({ hosts: ['*.example'], notAfter: inAMonth }),
      host: 'www.one.example',
      detail: 'TLS: the certificate is for *.example, not for www.one.example',
      expires: inAMonth,
    },
    {
      name: 'is for a hundred names',
      certificate: () => authority.issue({ hosts: Array.from({ length: 100 }, (_, n) => `host${n}.example`) }),
      detail: /^TLS: the certificate is for host0\.example, .{100,150}, not for localhost$/,
    },
    {
      name: 'comes from an authority that nobody knows',
      certificate: async () => (await Authority.create('another')).issue({ notAfter: inAMonth }),
      detail: 'TLS: the chain is incomplete, or its authority is not trusted',
      expires: inAMonth,
    },
    {
      name: 'comes from an authority of the same name',
      certificate: async () => (await Authority.create()).issue({ notAfter: inAMonth }),
      detail: /^TLS: (the chain is incomplete, or its authority is not trusted|the certificate is not trusted)/,
      expires: inAMonth,
    },
    {
      name: 'is self-signed',
      certificate: () => makeCertificate('CN=localhost'),
      detail: 'TLS: the certificate is self-signed',
      expires: tomorrow,
    },
    {
      name: 'comes with an authority that is not trusted',
      certificate: async () => {
        const stranger = await makeCertificate('CN=stranger', undefined, true)
        const leaf = await makeCertificate('CN=localhost', stranger)
        return { cert: `${leaf.cert}\n${stranger.cert}`, key: leaf.key }
      },
      detail: 'TLS: the chain ends in an authority that is not trusted',
      expires: tomorrow,
    },
    {
      name: 'comes without the authority in between',
      certificate: async () => (await chain()).leaf,
      detail: 'TLS: the chain is incomplete, or its authority is not trusted',
      expires: tomorrow,
    },
    {
      name: 'has expired and is for another name',
      certificate: () =>
        authority.issue({ hosts: ['one.example'], notBefore: new Date(nowMs - dayMs), notAfter: hourAgo }),
      detail: `TLS: the certificate ended on ${openssl(hourAgo)}`,
      expires: hourAgo,
    },
  ]

  it.each(cases)('because it $name', async ({ certificate, detail, expires, host }) => {
    const asked: string[] = []
    const port = await serve(await certificate(), (request, response) => {
      asked.push(request.url ?? '')
      response.end('Hello')
    })
    const refused = await check(port, host)
    expect(refused).toMatchObject({ error: 'tls', httpStatus: 0, available: false, regexMatch: false })
    if (typeof detail === 'string') expect(refused.detail).toBe(detail)
    else expect(refused.detail).toMatch(detail)
    expect(refused).toMatchObject({ tlsTimeMs: expect.any(Number), firstByteTimeMs: null })
    expect(asked).toEqual([])
    if (expires) expect(refused.certificate?.expires).toEqual(expires)

    const accepted = await check(port, host, { verifyCertificate: false })
    expect(accepted).toMatchObject({ error: null, httpStatus: 200, available: true })
    if (expires) expect(accepted.certificate?.expires).toEqual(expires)
  })

  it('is refused after a redirect as well', async () => {
    const bad = await serve(await authority.issue({ hosts: ['one.example'] }))
    const first = await serve(await authority.issue(), redirect(bad))
    expect(await check(first)).toMatchObject({ error: 'tls', httpStatus: 0, redirects: 1 })
  })

  it.each([
    'CN=one\u0000two\u001b[31m\u{1f600}',
    `O=${'\u{1f600}'.repeat(150)}, CN=x`,
    `O=a${'\u{1f600}'.repeat(150)}`,
  ])('says what it says in letters that a row can hold: %j', async (name) => {
    const entry = await check(await serve(await makeCertificate(name)))
    const { issuer } = entry.certificate ?? { issuer: '' }
    expect(issuer.length).toBeLessThanOrEqual(200)
    expect(issuer).not.toMatch(/\p{Cc}/u)
    expect(issuer.isWellFormed()).toBe(true)
  })
})

it('a website that speaks HTTP/2 alone fails in its handshake', async () => {
  const port = await serve(await authority.issue(), undefined, { ALPNProtocols: ['h2'] })
  const entry = await check(port)
  expect(entry).toMatchObject({ error: 'tls', httpStatus: 0 })
  expect(entry.detail).toMatch(/^TLS: /)
})

it('an http website on a port of TLS, and the other way round, say so', async () => {
  const secured = await serve(await authority.issue())
  const plain = net.createServer((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')).listen(0, '127.0.0.1')
  await once(plain, 'listening')
  const { port } = plain.address() as AddressInfo
  const http = await checks.check(website({ url: `http://localhost:${secured}/` }))
  const https = await check(port)
  plain.close()
  expect(['closed', 'protocol', 'reset']).toContain(http.error)
  expect(https).toMatchObject({ error: 'tls' })
  expect(https.detail).toMatch(/does the port speak TLS\?$/)
})
