import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Certificate } from '../checkEntry.ts'
import type { AddressFilter } from './addressFilter.ts'
import type { Cancellation } from './cancellation.ts'
import { connect } from './connect.ts'
import { literalAddress } from './dns/address.ts'
import { type Address, DnsError, type Resolver } from './dns/resolver.ts'
import { Failure } from './failure.ts'
import type { PhaseClock } from './phaseClock.ts'
import { type ProxyFor, proxyAuthorization, tunnel } from './proxy.ts'
import type { Target } from './redirect.ts'
import { request } from './request.ts'
import { secure } from './secure.ts'

/** The way to websites, the same for all checks. */
export interface Network {
  readonly resolver: Pick<Resolver, 'resolve'>
  readonly filter: AddressFilter
  readonly proxyFor: ProxyFor
}

export interface HopOptions {
  readonly network: Network
  readonly verifyCertificate: boolean
  readonly clock: PhaseClock
  readonly cancellation: Cancellation
  readonly onCertificate: (certificate: Certificate) => void
}

/**
 * One request, from the name to the headers of its response, on a connection of its own: reused ones gave false
 * outages when the server had just closed them.
 *
 * @throws {Failure} in whichever phase it fails; the reason of the cancellation
 */
export async function hop(target: Target, options: HopOptions): Promise<IncomingMessage> {
  const { url, method, headers, body } = target
  const { network, clock, cancellation } = options
  const secured = url.protocol === 'https:'
  const host = url.hostname.startsWith('[') ? url.hostname.slice(1, -1) : url.hostname
  const proxy = network.proxyFor(url)
  clock.restart()
  // Where a proxy connects for us, a name is its affair; an address is not.
  const literal = proxy && literalAddress(host)
  if (literal && !network.filter.admits(literal)) {
    clock.enter('connect')
    throw blocked(literal)
  }
  let connection: Duplex = await connectTo(proxy ?? url, proxy ? undefined : network.filter, options)
  try {
    if (proxy && secured)
      connection = await tunnel(connection, proxy, `${url.hostname}:${url.port || 443}`, cancellation)
    if (secured) {
      clock.enter('tls')
      connection = await secure(connection, host, options)
    }
    clock.enter('firstByte')
    const relay = proxy !== undefined && !secured
    const response = await request(
      connection,
      {
        method,
        target: relay ? `${url.origin}${url.pathname}${url.search}` : `${url.pathname}${url.search}`,
        headers: { Host: url.host, ...headers, ...(relay && proxyAuthorization(proxy)) },
        body,
      },
      cancellation,
    )
    clock.enter('body')
    return response
  } catch (error) {
    connection.destroy()
    throw error
  }
}

async function connectTo(url: URL, filter: AddressFilter | undefined, options: HopOptions): Promise<Duplex> {
  const { network, clock, cancellation } = options
  const addresses = await resolve(network.resolver, url.hostname, cancellation)
  clock.enter('connect')
  const admitted = filter ? addresses.filter((address) => filter.admits(address)) : addresses
  if (admitted.length === 0) throw blocked(addresses[0])
  const port = Number(url.port) || (url.protocol === 'https:' ? 443 : 80)
  return connect(admitted, port, cancellation)
}

function blocked(address: Address | undefined): Failure {
  return new Failure('blocked', `Connect: ${address?.address} may not be checked (monitoring.allow, monitoring.deny)`)
}

async function resolve(resolver: Network['resolver'], host: string, cancellation: Cancellation): Promise<Address[]> {
  try {
    return await cancellation.race(resolver.resolve(host))
  } catch (error: unknown) {
    if (error instanceof DnsError) throw new Failure('dns', `DNS: ${error.message}`)
    throw error
  }
}
