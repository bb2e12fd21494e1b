import type os from 'node:os'
import { type Address, AddressOrder, literalAddress } from './address.ts'
import { DnsError, dnsError } from './dnsError.ts'
import { Hosts } from './hosts.ts'
import { Lookups } from './lookups.ts'
import { parseNameserver, parseResolvConf } from './resolvConf.ts'
import { type Lookup, SystemLookup } from './systemLookup.ts'
import { Waits } from './waits.ts'
import { WatchedFile } from './watchedFile.ts'

export { type Address, DnsError }

export interface ResolverOptions {
  /** `monitoring.nameservers`: addresses, or address:port. Empty: the system's. */
  readonly nameservers?: readonly string[]
  readonly hostsFile?: string
  readonly resolvConf?: string
  /** Milliseconds on a clock that never goes back. */
  readonly now?: () => number
  /** getaddrinfo, with what nsswitch.conf gives it. */
  readonly systemLookup?: Lookup
  readonly networkInterfaces?: typeof os.networkInterfaces
}

/** RFC 6761, section 6.3: always the loopback addresses, never a question for a name server. */
const localhost = /(^|\.)localhost$/
const loopback: readonly Address[] = [
  { address: '127.0.0.1', family: 4 },
  { address: '::1', family: 6 },
]

/**
 * Turns the host of a URL into addresses as the system would (hosts file, resolv.conf, then whatever else getaddrinfo
 * knows), but without queueing in libuv's thread pool, and with an end: no name takes longer than 4 s.
 */
export class Resolver {
  readonly #configured: readonly string[]
  readonly #now: () => number
  readonly #waits = new Waits()
  readonly #order: AddressOrder
  readonly #hosts: Hosts
  readonly #resolvConf: WatchedFile
  readonly #system: SystemLookup | undefined
  /** The newest last; those before it still have flights. */
  #lookups: Lookups[] = []
  #closed = false

  /** @throws {TypeError} for a name server that is no address */
  constructor(options: ResolverOptions = {}) {
    const { nameservers = [], hostsFile = '/etc/hosts', resolvConf = '/etc/resolv.conf' } = options
    this.#configured = nameservers.map(requireNameserver)
    this.#now = options.now ?? (() => performance.now())
    this.#order = new AddressOrder(this.#now, options.networkInterfaces)
    this.#hosts = new Hosts(hostsFile, this.#now)
    this.#resolvConf = new WatchedFile(resolvConf, this.#now)
    // getaddrinfo asks the system's name servers: whoever configured others wants to hear what those say.
    this.#system = nameservers.length > 0 ? undefined : new SystemLookup(this.#waits, options.systemLookup)
  }

  /**
   * The addresses of a host, in the order in which to try them: at least one, at most 16 of each family.
   *
   * @param host as in a URL: a name (an international one in its xn-- form), or an address, IPv6 with or without brackets
   * @throws {DnsError} `unknown`: the name does not exist or has no addresses; `temporary`: nobody could tell
   */
  async resolve(host: string): Promise<Address[]> {
    if (this.#closed) throw dnsError('ECANCELLED', '', 0)
    const literal = literalAddress(host)
    if (literal) return [literal]
    const name = host.toLowerCase()
    const bare = name.endsWith('.') ? name.slice(0, -1) : name
    if (!isName(bare)) throw dnsError('EBADNAME', '', 0)
    const local = this.#hosts.find(bare) ?? (localhost.test(bare) ? loopback : undefined)
    if (local) return this.#order.sort(local)
    try {
      // A copy: what others share is not the caller's to change.
      return [...(await this.#current().find(name))]
    } catch (error) {
      if (this.#closed) throw dnsError('ECANCELLED', '', 0)
      throw error instanceof DnsError ? error : new DnsError('temporary', 'the name could not be asked for')
    }
  }

  /** Ends what is under way with a DnsError, and leaves no timer and no socket. */
  close(): void {
    this.#closed = true
    this.#waits.close()
    for (const lookups of this.#lookups) lookups.close()
  }

  #current(): Lookups {
    const text = this.#resolvConf.changed()
    const newest = this.#lookups.at(-1)
    if (newest && text === undefined) return newest
    const conf = parseResolvConf(text ?? '')
    const nameservers = this.#configured.length > 0 ? this.#configured : conf.nameservers
    const lookups = new Lookups({ ...conf, nameservers }, this.#order, this.#waits, this.#system, this.#now)
    this.#lookups.push(lookups)
    void newest?.retire().then(() => this.#lookups.splice(this.#lookups.indexOf(newest), 1))
    return lookups
  }
}

function requireNameserver(text: string): string {
  const nameserver = parseNameserver(text)
  if (nameserver === undefined) throw new TypeError(`a name server must be an address or address:port, not "${text}"`)
  return nameserver
}

/**
 * What DNS can hold (RFC 1035, 2.3.4: labels of 63 bytes, 255 in all), in visible ASCII. A NUL would end the name within
 * c-ares, and a backslash begins an escape there: another name would be asked for.
 */
function isName(name: string): boolean {
  return name.length <= 253 && name.split('.').every((label) => /^[!-[\]-~]{1,63}$/.test(label))
}
