import { execFileSync } from 'node:child_process'
import { createPrivateKey } from 'node:crypto'
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, afterEach, describe, expect, it } from 'vitest'
import { Authority } from '../local/certificates.ts'
import { readConfig } from '../src/config.ts'
import { ConfigError } from '../src/configSource.ts'
import { Secrets } from './helpers/secrets.ts'
import { Service, stopServices } from './helpers/services.ts'
import { mountSmallDisk, smallDisks } from './helpers/smallDisk.ts'
import { webmon } from './helpers/webmon.ts'

const secrets = new Secrets()
const secret = secrets.of('secret')
const folder = mkdtempSync(path.join(tmpdir(), 'webmon-config-'))
afterEach(stopServices)
afterAll(() => rmSync(folder, { recursive: true }))

const authority = await Authority.create()
const { cert, key } = await authority.issue({ name: 'webmon' })
const encrypted = createPrivateKey(key).export({
  type: 'pkcs8',
  format: 'pem',
  cipher: 'aes-256-cbc',
  passphrase: secrets.of('right'),
}) as string
const file = (name: string, text: string, mode = 0o600) => {
  const all = path.join(folder, name)
  writeFileSync(all, text)
  chmodSync(all, mode)
  return all
}
file('mine.pem', cert)
file('mine.key', key)
file('encrypted.key', encrypted)

const rest = `
kafka: {server: kafka.example, port: 9092, topic: webmon, consumer: {group: webmon}}
database: {host: database.example, port: 5432, db: webmon, user: webmon, password: ''}
`
/** The whole file, but for some lines in place of those of their section. */
const withLines = (section: string, lines: string) =>
  rest.replace(new RegExp(`^${section}: \\{(.*)\\}$`, 'm'), (_, all: string) => {
    const key = lines.trim().split(':')[0]
    const others = all.split(/, (?=\w+:)/).filter((one) => !one.startsWith(`${key}:`))
    return `${section}:\n  ${[...others, lines].join('\n  ')}`
  })

const ssl = (more: string) => `ssl:\n    certfile: mine.pem\n    ${more}`

describe('a wrong configuration is told without the secret that stands in it', () => {
  it.each<[string, string, Record<string, string>]>([
    ['an unknown key', withLines('database', `pasword: ${secret}`), {}],
    ['a text that YAML takes for a mapping', withLines('database', `password: {${secret}}`), {}],
    ['the same below an unknown key', withLines('database', `pasword: {${secret}}`), {}],
    ['one that it takes for a list', withLines('database', `password: [${secret}]`), {}],
    ['one that it takes for an alias', withLines('database', `password: *${secret}`), {}],
    ['one that it takes for a tag', withLines('database', `password: !${secret}`), {}],
    ['one that it takes for another tag', withLines('database', `password: !x!${secret}%zz`), {}],
    ['one that is no text for it', withLines('database', `password: @${secret}`), {}],
    ['an open quote', withLines('database', `password: "${secret}`), {}],
    ['a colon', withLines('database', `password: ${secret}: x`), {}],
    ['no blank', withLines('database', `password:${secret}`), {}],
    ['a URL as host', withLines('database', `host: postgres://webmon:${secret}@database.example`), {}],
    ['userinfo as host', withLines('database', `host: webmon:${secret}@database.example`), {}],
    ['a URL as server', withLines('kafka', `server: kafka://webmon:${secret}@kafka.example:9092`), {}],
    ['userinfo as server', withLines('kafka', `server: ${secret}@kafka.example:9092`), {}],
    ['no mechanism', withLines('kafka', `sasl:\n    password: ${secret}`), {}],
    ['a wrong mechanism', withLines('kafka', `sasl:\n    mechanism: oauth\n    password: ${secret}`), {}],
    ['a wrong proxy', `${rest}monitoring: {proxy: 'socks5://webmon:${secret}@proxy.example'}`, {}],
    ['a key in place of its file', withLines('kafka', ssl(`keyfile: "-----BEGIN PRIVATE KEY-----\\n${secret}"`)), {}],
    ['a wrong key password', withLines('kafka', ssl(`keyfile: encrypted.key\n    keypassword: ${secret}`)), {}],
    ['a URL as key', `${rest}"http://webmon:${secret}@one.example": x`, {}],
    ['nothing but it', secret, {}],
    ['the password in place of its file', rest, { WEBMON_DATABASE_PASSWORD_FILE: secret }],
    ['both', rest, { WEBMON_DATABASE_PASSWORD: secret, WEBMON_DATABASE_PASSWORD_FILE: 'mine.key' }],
    ['a wrong proxy by a variable', rest, { WEBMON_MONITORING_PROXY: `tcp://webmon:${secret}@proxy.example` }],
  ])('%s', (_, text, env) => {
    const config = file('config.yaml', text)
    let told = ''
    try {
      readConfig({ ...env, WEBMON_CONFIG_FILE: config })
    } catch (error) {
      expect(error).toBeInstanceOf(ConfigError)
      told = (error as Error).message
    }
    expect(told).toMatch(/^\S+(: | \()/)
    expect(secrets.in(told)).toEqual([])
  })

  it('also by the programs', async () => {
    const config = file('config.yaml', withLines('database', `password: {${secret}}`))
    const env = { WEBMON_CONFIG_FILE: config }
    const expected = 'database.password: hidden: expected text: put it in quotes'
    for (const args of [['doctor'], ['doctor', '--json'], ['website', 'list']]) {
      const { out, err } = await webmon(args, env)
      expect(out + err).toContain(expected)
      expect(secrets.in(out + err)).toEqual([])
    }
    for (const name of ['producer', 'consumer', 'run'] as const) {
      const service = new Service(name, env)
      expect(await service.exited).toBe(2)
      expect(service.errors).toEqual([`${config}: ${expected}`])
    }
  })
})

it('takes a password that looks like an address that Kubernetes sets', () => {
  const env = { WEBMON_CONFIG_FILE: file('config.yaml', rest), WEBMON_DATABASE_PASSWORD: 'tcp://1' }
  expect(readConfig(env).config.database.password).toBe('tcp://1')
})

describe('a file with a secret that every user may read', () => {
  const warnings = (text: string, env: Record<string, string> = {}, mode = 0o644) =>
    readConfig({ ...env, WEBMON_CONFIG_FILE: file('config.yaml', text, mode) }).warnings
  const told = (name: string, keys: string, mode = '644') => [
    `${path.join(folder, name)} holds ${keys}, and every user of this machine may read it (mode ${mode}): ` +
      'chmod 600 it, or 640 with a group that webmon is in',
  ]
  const password = withLines('database', `password: ${secret}`)
  const withSasl = (text: string) =>
    text.replace('kafka: {', `kafka: {sasl: {mechanism: plain, username: a, password: ${secret}}, `)
  const pair = { WEBMON_KAFKA_SSL_CERTFILE: 'mine.pem', WEBMON_KAFKA_SSL_KEYFILE: 'mine.key' }

  it('is told once, with all that it holds', () => {
    const proxy = `monitoring: {proxy: 'http://webmon:${secret}@proxy.example'}`
    expect(warnings(withSasl(password) + proxy)).toEqual(
      told('config.yaml', 'monitoring.proxy, kafka.sasl.password, database.password'),
    )
    expect(warnings(withLines('kafka', `ssl:\n    keypassword: ${secret}`))).toEqual(
      told('config.yaml', 'kafka.ssl.keypassword'),
    )
  })

  it('can be one of a password, or of a private key, alone', () => {
    file('password', secret, 0o444)
    expect(warnings(rest, { WEBMON_DATABASE_PASSWORD_FILE: path.join(folder, 'password') })).toEqual(
      told('password', 'database.password', '444'),
    )
    chmodSync(path.join(folder, 'mine.key'), 0o604)
    expect(warnings(rest, pair)).toEqual(told('mine.key', 'kafka.ssl.keyfile', '604'))
    chmodSync(path.join(folder, 'mine.key'), 0o600)
  })

  it.each([
    ['for its owner alone', password, {}, 0o600],
    ['for its group', password, {}, 0o640],
    ['with the password of the bundled database, which stands in the repository', '', {}, 0o644],
    ['without a secret', rest, pair, 0o644],
    ['with a proxy without a password', `${rest}monitoring: {proxy: 'http://proxy.example'}`, {}, 0o644],
    [
      'beside a private key that is encrypted',
      rest,
      { ...pair, WEBMON_KAFKA_SSL_KEYFILE: 'encrypted.key', WEBMON_KAFKA_SSL_KEYPASSWORD: secrets.of('right') },
      0o644,
    ],
  ])('is no such one: %s', (_, text, env, mode) => {
    file('encrypted.key', encrypted, 0o644)
    if (text !== '') return expect(warnings(text, env, mode)).toEqual([])
    const shipped = path.join(folder, 'shipped.yaml')
    copyFileSync('config.yaml', shipped)
    chmodSync(shipped, mode)
    expect(readConfig({ WEBMON_CONFIG_FILE: shipped }).warnings).toEqual([])
  })

  it('is told by a service at its start, and by doctor', async () => {
    const config = file('config.yaml', withLines('database', `password: ${secret}`), 0o644)
    const env = { WEBMON_CONFIG_FILE: config }
    const service = new Service('consumer', { ...env, WEBMON_DATABASE_HOST: '127.0.0.1', WEBMON_DATABASE_PORT: '1' })
    expect((await service.logged(/holds database.password/)).level).toBe('warn')
    const nowhere = { WEBMON_DATABASE_HOST: '127.0.0.1', WEBMON_DATABASE_PORT: '1', WEBMON_KAFKA_PORT: '1' }
    const { out } = await webmon(['doctor', '--json'], { ...env, ...nowhere, WEBMON_KAFKA_SERVER: '127.0.0.1' })
    expect(JSON.parse(out).findings[0]).toMatchObject({
      part: 'configuration',
      state: 'note',
      message: told('config.yaml', 'database.password')[0],
    })
  })

  describe.skipIf(!smallDisks)('tmpfs', () => {
    it('is no such one where it is mounted read-only, as in a container', () => {
      const mounted = path.join(folder, 'a mount')
      mkdirSync(mounted)
      const disk = mountSmallDisk(mounted, 1)
      try {
        const config = file('a mount/config.yaml', password, 0o644)
        const read = () => readConfig({ WEBMON_CONFIG_FILE: config }).warnings
        expect(read()).toHaveLength(1)
        execFileSync('mount', ['-o', 'remount,ro', mounted], { stdio: 'pipe' })
        expect(read()).toEqual([])
      } finally {
        disk.unmount()
      }
    })
  })
})
