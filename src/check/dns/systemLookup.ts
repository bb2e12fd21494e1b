import dns from 'node:dns'
import pLimit from 'p-limit'
import type { Address } from './address.ts'
import type { Waits } from './waits.ts'

/**
 * libuv runs getaddrinfo on at most half of its four threads. One of the two is left for Kafka's and PostgreSQL's names:
 * with both held by a source that hangs, their reconnects would wait behind websites.
 */
const mostAtATime = 1

export type Lookup = (name: string) => Promise<readonly Address[]>

/** The names that the system knows from elsewhere than DNS and the hosts file (nsswitch: mdns, myhostname, NIS). */
export class SystemLookup {
  readonly #limit = pLimit(mostAtATime)

  constructor(
    private readonly waits: Waits,
    private readonly lookup: Lookup = getaddrinfo,
  ) {}

  /** Empty when the system does not know the name either, or has not said so after `ms`. */
  async find(name: string, ms: number): Promise<readonly Address[]> {
    let wanted = true
    const found = this.#limit(async () => (wanted ? this.lookup(name) : [])).catch(() => [])
    const addresses = await this.waits.within(ms, found)
    wanted = false
    return addresses ?? []
  }
}

async function getaddrinfo(name: string): Promise<readonly Address[]> {
  return (await dns.promises.lookup(name, { all: true, verbatim: true })) as Address[]
}
