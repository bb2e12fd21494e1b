import net from 'node:net'
import type { Cidr } from '../configValue.ts'
import type { Address } from './dns/resolver.ts'

const maxVerdicts = 10_000

/**
 * Which addresses may be checked: `deny` goes before `allow`, and an empty `allow` allows all. Judged on the resolved
 * address right before the connection, so that no name, redirect or spelling of an address gets around it.
 */
export class AddressFilter {
  readonly #allow: Networks | undefined
  readonly #deny: Networks
  readonly #verdicts = new Map<string, boolean>()

  constructor(allow: readonly Cidr[], deny: readonly Cidr[]) {
    this.#allow = allow.length > 0 ? new Networks(allow) : undefined
    this.#deny = new Networks(deny)
  }

  /** Judging costs more than remembering, and most websites keep their address. */
  admits(address: Address): boolean {
    const known = this.#verdicts.get(address.address)
    if (known !== undefined) return known
    if (this.#verdicts.size >= maxVerdicts) this.#verdicts.clear()
    // Without the zone of fe80::1%eth0.
    const [plain] = address.address.split('%') as [string]
    const verdict = reached(plain).every((one) => !this.#deny.has(one) && (this.#allow?.has(one) ?? true))
    this.#verdicts.set(address.address, verdict)
    return verdict
  }
}

/** One list per family: in a common one Node takes IPv4 for a part of ::/0, and without IPv6 nothing would be left. */
class Networks {
  readonly #four = new net.BlockList()
  readonly #six = new net.BlockList()

  constructor(networks: readonly Cidr[]) {
    for (const { address, prefix } of networks) {
      const four = net.isIPv4(address) ? address : mapped(canonical(address))
      const fourPrefix = net.isIPv4(address) ? prefix : prefix - 96
      if (four !== undefined && fourPrefix >= 0) this.#four.addSubnet(four, fourPrefix, 'ipv4')
      else this.#six.addSubnet(address, prefix, 'ipv6')
    }
  }

  has(address: string): boolean {
    return net.isIPv4(address) ? this.#four.check(address, 'ipv4') : this.#six.check(address, 'ipv6')
  }
}

/** What a connection to this address reaches: all of it has to be admitted. */
function reached(address: string): string[] {
  // Linux takes "any address" for its own.
  if (address === '0.0.0.0') return [address, '127.0.0.1']
  if (net.isIPv4(address)) return [address]
  const six = canonical(address)
  const four = mapped(six)
  if (four !== undefined) return reached(four)
  if (six === '::') return [six, '::1']
  const behind = translated(six)
  return behind === undefined ? [six] : [six, behind]
}

/** As inet_ntop writes it: ::ffff:10.0.0.1, 64:ff9b::a00:1. */
function canonical(address: string): string {
  return new net.SocketAddress({ address, family: 'ipv6' }).address
}

/** The IPv4 address of an IPv4-mapped one (RFC 4291, 2.5.5.2): the connection is an IPv4 one. */
function mapped(six: string): string | undefined {
  const tail = six.startsWith('::ffff:') ? six.slice('::ffff:'.length) : ''
  return net.isIPv4(tail) ? tail : undefined
}

/** The IPv4 address that a NAT64 gateway makes of an IPv6 one (64:ff9b::/96, RFC 6052). */
function translated(six: string): string | undefined {
  const tail = six.startsWith('64:ff9b::') ? six.slice('64:ff9b::'.length) : ':::'
  const groups = tail.split(':').map((group) => Number.parseInt(group || '0', 16))
  if (groups.length > 2) return undefined
  const [low = 0, high = 0] = groups.toReversed()
  return [high >> 8, high & 255, low >> 8, low & 255].join('.')
}
