import net from 'node:net'
import os from 'node:os'

export interface Address {
  readonly address: string
  readonly family: 4 | 6
}

/** An answer may hold hundreds of addresses; a connection tries a few. */
const mostPerFamily = 16
const reachAgeMs = 30_000

/** The address that a host is, in brackets or not; undefined: it is a name. */
export function literalAddress(host: string): Address | undefined {
  return addressOf(host.startsWith('[') && host.endsWith(']') ? host.slice(1, -1) : host)
}

export function addressOf(text: string): Address | undefined {
  const family = net.isIP(text)
  return family === 0 ? undefined : { address: text, family: family as 4 | 6 }
}

/**
 * Puts addresses in the order in which they should be tried: the families take turns, so that the second attempt of a
 * connection already leaves a family that is broken (RFC 8305, section 4), and within a family the name server's order
 * stays, which is how round robin works. IPv6 goes first where this machine can reach the internet over it. That is
 * what RFC 6724 comes to for the addresses of websites: without a global IPv6 address of our own its rule 1 or 2
 * (unusable destinations, matching scope) puts IPv4 first, with one its rule 6 (precedence) puts IPv6 first.
 */
export class AddressOrder {
  #hasIpv6 = false
  #checkedMs = Number.NEGATIVE_INFINITY

  constructor(
    private readonly now: () => number,
    private readonly networkInterfaces: typeof os.networkInterfaces = os.networkInterfaces,
  ) {}

  /** At most 16 addresses of each family, each once. */
  sort(addresses: readonly Address[]): Address[] {
    const [four, six] = [4, 6].map((family) => firstOf(addresses, family)) as [Address[], Address[]]
    const [first, second] = this.#prefersIpv6() ? [six, four] : [four, six]
    const longest = Math.max(first.length, second.length)
    return Array.from({ length: longest }, (_, n) => [first[n], second[n]])
      .flat()
      .filter((address) => address !== undefined)
  }

  /** Asking the kernel took 50 µs, more than a whole name, and the answer seldom changes. */
  #prefersIpv6(): boolean {
    const nowMs = this.now()
    if (nowMs - this.#checkedMs >= reachAgeMs) {
      this.#checkedMs = nowMs
      this.#hasIpv6 = Object.values(this.networkInterfaces())
        .flat()
        .some((own) => own !== undefined && isGlobalIpv6(own))
    }
    return this.#hasIpv6
  }
}

/** 2000::/3 is all that is given out for the internet; fe80::/10 and fc00::/7 lead nowhere outside. */
function isGlobalIpv6({ address, internal }: os.NetworkInterfaceInfo): boolean {
  return !internal && /^[23][\da-f]{3}:/i.test(address)
}

function firstOf(addresses: readonly Address[], family: number): Address[] {
  const unique = new Map<string, Address>()
  for (const address of addresses) {
    if (unique.size === mostPerFamily) break
    if (address.family === family) unique.set(address.address, address)
  }
  return [...unique.values()]
}
