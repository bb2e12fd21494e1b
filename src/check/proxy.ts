import http from 'node:http'
import type { Duplex } from 'node:stream'
import { cidr } from '../configValue.ts'
import { AddressFilter } from './addressFilter.ts'
import type { Cancellation } from './cancellation.ts'
import { literalAddress } from './dns/address.ts'
import { Failure } from './failure.ts'
import { basic } from './userinfo.ts'

/** The proxy that a request goes through, if any. */
export type ProxyFor = (url: URL) => URL | undefined

const variables = ['HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY'] as const

/**
 * @param setting none, environment, or the URL of a proxy
 * @throws {Error} for a variable that is no URL of an HTTP proxy
 */
export function proxyRule(setting: string, env: Readonly<Record<string, string | undefined>>): ProxyFor {
  if (setting === 'none') return () => undefined
  if (setting !== 'environment') {
    const proxy = new URL(setting)
    return () => proxy
  }
  const value = (name: string) => env[name.toLowerCase()] || env[name]
  const [http, https, all] = variables.map((name) => proxyOf(name, value(name)))
  const exceptions = (value('NO_PROXY') ?? '')
    .split(/[\s,]+/)
    .filter(Boolean)
    .map(exceptionOf)
  return (url) => {
    if (exceptions.some((isException) => isException(url))) return undefined
    return (url.protocol === 'https:' ? https : http) ?? all
  }
}

/** A value without a scheme is meant as http, as curl and Python take it. */
function proxyOf(variable: string, value: string | undefined): URL | undefined {
  if (!value) return undefined
  const text = value.includes('://') ? value : `http://${value}`
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url?.protocol !== 'http:' || url.hostname === '') {
    throw new Error(
      `${variable} of the environment: expected the URL of an HTTP proxy such as http://proxy.example:3128`,
    )
  }
  return url
}

/** The variables that are set and not used: worth one warning, since other programs go by them. */
export function unusedProxyVariables(setting: string, env: Readonly<Record<string, string | undefined>>): string[] {
  if (setting === 'environment') return []
  return variables.flatMap((name) => [name, name.toLowerCase()]).filter((name) => env[name])
}

/** NO_PROXY as curl and Python read it: `*`, an address or a network, a host with all its subdomains; or with a port. */
function exceptionOf(exception: string): (url: URL) => boolean {
  if (exception === '*') return () => true
  const text = exception.toLowerCase()
  const network = cidr.parse(text)
  if (network) {
    const networks = new AddressFilter([network], [])
    return (url) => {
      const address = literalAddress(url.hostname)
      return address !== undefined && networks.admits(address)
    }
  }
  const [, name = '', port] = /^\*?\.?(\[.*\]|[^:]*?)\.?(?::(\d+))?$/.exec(text) ?? []
  return (url) => {
    if (port && port !== (url.port || (url.protocol === 'https:' ? '443' : '80'))) return false
    const host = url.hostname.replace(/\.$/, '')
    return name !== '' && (host === name || host.endsWith(`.${name}`))
  }
}

/** Credentials in the proxy's URL, as a header for the proxy alone. */
export function proxyAuthorization(proxy: URL): Record<string, string> {
  if (proxy.username === '') return {}
  return { 'Proxy-Authorization': basic(proxy) }
}

/**
 * Asks the proxy for a tunnel to an https host (RFC 9110, 9.3.6).
 *
 * @returns the connection, from now on to the host
 * @throws {Failure} unreachable: the proxy will not
 */
export function tunnel(connection: Duplex, proxy: URL, authority: string, cancellation: Cancellation): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    const sent = http.request({
      createConnection: () => connection,
      method: 'CONNECT',
      path: authority,
      headers: { Host: authority, ...proxyAuthorization(proxy) },
      setHost: false,
    })
    cancellation.begin((reason) => {
      sent.destroy()
      reject(reason)
    })
    sent.on('error', ({ code }: NodeJS.ErrnoException) => {
      const what = code?.startsWith('HPE_') ? 'does not speak HTTP' : 'broke the connection off'
      reject(new Failure('unreachable', `Connect: the proxy ${what}`))
    })
    sent.once('connect', ({ statusCode }, socket) => {
      if (statusCode === 200) resolve(socket)
      else {
        socket.destroy()
        reject(new Failure('unreachable', `Connect: the proxy answered ${statusCode}`))
      }
    })
    sent.once('response', ({ statusCode }) => {
      sent.destroy()
      reject(new Failure('unreachable', `Connect: the proxy answered ${statusCode}`))
    })
    sent.end()
  })
}
