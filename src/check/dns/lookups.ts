import type { Address, AddressOrder } from './address.ts'
import { Cache } from './cache.ts'
import { type AresCode, decisive, dnsError, isTemporary } from './dnsError.ts'
import { type Answer, NameServers } from './nameServers.ts'
import { candidatesOf, type ResolvConf } from './resolvConf.ts'
import type { SystemLookup } from './systemLookup.ts'
import type { Waits } from './waits.ts'

/** Until the name servers have answered. Together with what the event loop adds, a silent one fails within 4 s. */
const longestMs = 3_800
/** How long the system is waited for after DNS does not know a name; mdns alone may take 5 s. */
const systemMs = 1_000

/** Names asked for under one state of resolv.conf: its name servers, its search domains, and what they answered. */
export class Lookups {
  readonly #cache: Cache
  readonly #flights = new Map<string, Promise<readonly Address[]>>()
  readonly #servers: NameServers

  constructor(
    private readonly conf: ResolvConf,
    private readonly order: AddressOrder,
    private readonly waits: Waits,
    /** undefined: what these name servers do not know is not there. */
    private readonly system: SystemLookup | undefined,
    now: () => number,
  ) {
    this.#cache = new Cache(now)
    this.#servers = new NameServers(conf.nameservers, waits)
  }

  /**
   * The addresses of a name, from the cache, from the flight that asks for it already, or from one of its own.
   *
   * @throws {DnsError}
   */
  find(name: string): Promise<readonly Address[]> | readonly Address[] {
    const known = this.#cache.get(name) ?? this.#flights.get(name)
    if (known) return known
    const flight = this.#fly(name).finally(() => this.#flights.delete(name))
    this.#flights.set(name, flight)
    return flight
  }

  /** Ends what is under way, but not before the flights have ended: they get their answers. */
  async retire(): Promise<void> {
    await Promise.allSettled(this.#flights.values())
    this.close()
  }

  close(): void {
    this.#servers.close()
  }

  async #fly(name: string): Promise<readonly Address[]> {
    const startMs = performance.now()
    const elapsedMs = () => performance.now() - startMs
    const answer = await this.waits.within(longestMs, this.#ask(name))
    const code = answer === undefined ? 'ETIMEOUT' : answer.code
    if (answer !== undefined && answer.addresses.length > 0) {
      const addresses = this.order.sort(answer.addresses)
      // What may be incomplete is asked for again the next time.
      if (code === undefined) this.#cache.set(name, addresses, answer.ttlSeconds)
      return addresses
    }
    if (this.system && code !== undefined && !isTemporary(code)) {
      const known = await this.system.find(name, Math.min(systemMs, longestMs - elapsedMs()))
      if (known.length > 0) return this.order.sort(known)
    }
    throw dnsError(code ?? 'ENODATA', this.#servers.label, elapsedMs())
  }

  /** Asks for the candidates in turn until one has addresses. */
  async #ask(name: string): Promise<Answer> {
    let worst: AresCode | undefined
    for (const candidate of candidatesOf(name, this.conf)) {
      const answer = await this.#servers.ask(candidate)
      // A candidate before this one failed: on another day that may be the one that is meant.
      if (answer.addresses.length > 0) return { ...answer, code: answer.code ?? temporaryOf(worst) }
      worst = decisive(worst, answer.code)
      // As in glibc: SERVFAIL may be this candidate's alone, silence is not.
      if (['ETIMEOUT', 'ECONNREFUSED', 'ECANCELLED'].includes(worst ?? '')) break
    }
    return { addresses: [], ttlSeconds: 0, code: worst }
  }
}

function temporaryOf(code: AresCode | undefined): AresCode | undefined {
  return code !== undefined && isTemporary(code) ? code : undefined
}
