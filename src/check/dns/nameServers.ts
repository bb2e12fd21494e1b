import dns from 'node:dns'
import type { Address } from './address.ts'
import { type AresCode, decisive, isTemporary } from './dnsError.ts'
import type { Waits } from './waits.ts'

/** What came of asking for a name. */
export interface Answer {
  readonly addresses: readonly Address[]
  /** The smallest TTL of its records, a chain of CNAMEs included. */
  readonly ttlSeconds: number
  /** Without addresses: why. With addresses: why there may be more; undefined when they are complete. */
  readonly code: AresCode | undefined
}

/**
 * c-ares' first wait; each further one is up to twice as long. A retransmission goes out of a new socket and closes the
 * old one, so that an answer which comes after it is lost (measured: with 250 ms, a server that takes 300 ms had its
 * answer received after 857 ms). From a server's third answer on c-ares itself would wait for five times the usual time
 * and at least 250 ms, but Node looks for what is overdue only as often as this.
 */
const firstWaitMs = 500
/**
 * How long the addresses of one family wait for those of the other. Servers that drop questions for AAAA exist (RFC 4074,
 * section 4.1). RFC 8305 waits for 50 ms and takes what comes later to the connection under way; ours takes no more.
 */
const otherFamilyMs = 500
/** A server that just refused or failed is left in peace so long before it is asked once more. */
const pauseMs = 200

/**
 * The name servers, asked through c-ares: its questions are sockets of the event loop. getaddrinfo would hold a thread
 * of libuv's pool for each name: 95 names/s were measured with answers after 20 ms, and four hung names stalled all.
 */
export class NameServers {
  /** One channel for each server to begin with: c-ares passes SERVFAIL and REFUSED on without asking the next server. */
  readonly #channels: dns.Resolver[]
  #closed = false

  /** @param servers as `setServers` takes them; empty: those that c-ares finds itself, 127.0.0.1 in the end */
  constructor(
    servers: readonly string[],
    private readonly waits: Waits,
  ) {
    // Enough for c-ares not to give up before we do, and it forgets the name some seconds later: after 15 s at most.
    const tries = Math.max(3, 6 - servers.length)
    this.#channels = Array.from({ length: Math.max(1, servers.length) }, (_, n) => {
      const channel = new dns.Resolver({ timeout: firstWaitMs, tries })
      if (servers.length > 0) channel.setServers([...servers.slice(n), ...servers.slice(0, n)])
      return channel
    })
  }

  /** For sentences: "the name server 10.0.0.53". */
  get label(): string {
    const servers = this.#channels[0]?.getServers() ?? []
    const more = servers.length > 3 ? ` and ${servers.length - 3} more` : ''
    return `the name server${servers.length > 1 ? 's' : ''} ${servers.slice(0, 3).join(', ')}${more}`
  }

  /** Asks for A and AAAA side by side. Never rejects; may take until c-ares gives up. */
  async ask(name: string): Promise<Answer> {
    const families = [this.#askTwice(name, 4), this.#askTwice(name, 6)]
    const all = Promise.all(families)
    const first = await Promise.race(families)
    const answers = first.addresses.length > 0 ? await this.waits.within(otherFamilyMs, all) : await all
    return answers === undefined ? { ...first, code: 'ETIMEOUT' } : merge(answers)
  }

  /** Ends what is being asked. */
  close(): void {
    this.#closed = true
    for (const channel of this.#channels) channel.cancel()
  }

  /** A temporary failure is asked once more, of each other server or of the only one; silence c-ares has asked again. */
  async #askTwice(name: string, family: 4 | 6): Promise<Answer> {
    const rounds = Math.max(2, this.#channels.length)
    for (let round = 0; ; round++) {
      const channel = this.#channels[round % this.#channels.length] as dns.Resolver
      const answer = await query(channel, name, family)
      const { code = '' } = answer
      if (code === '' || !isTemporary(code) || code === 'ETIMEOUT' || round + 1 >= rounds) return answer
      // Of servers that refuse the connection c-ares has tried every one, within a millisecond.
      if (this.#channels.length === 1 || code === 'ECONNREFUSED') await this.waits.pause(pauseMs)
      if (this.#closed) return answer
    }
  }
}

function merge(answers: readonly Answer[]): Answer {
  const addresses = answers.flatMap((answer) => answer.addresses)
  const code = answers.map((answer) => answer.code).reduce(decisive, undefined)
  return {
    addresses,
    ttlSeconds: Math.min(...answers.map((answer) => answer.ttlSeconds)),
    // That one family has none is nothing missing.
    code: addresses.length > 0 && code !== undefined && !isTemporary(code) ? undefined : code,
  }
}

function query(channel: dns.Resolver, name: string, family: 4 | 6): Promise<Answer> {
  return new Promise((resolve) => {
    const fail = (code: AresCode = 'ENODATA') => resolve({ addresses: [], ttlSeconds: Number.POSITIVE_INFINITY, code })
    const done = (error: NodeJS.ErrnoException | null, records: dns.RecordWithTtl[] | undefined) => {
      if (error || !records?.length) return fail(error?.code)
      const addresses = records.map(({ address }) => ({ address, family }))
      resolve({ addresses, ttlSeconds: Math.min(...records.map(({ ttl }) => ttl)), code: undefined })
    }
    try {
      if (family === 4) channel.resolve4(name, { ttl: true }, done)
      else channel.resolve6(name, { ttl: true }, done)
    } catch (error) {
      // c-ares could not even take the question: out of memory or of file descriptors.
      fail((error as NodeJS.ErrnoException).code ?? 'EFAILED')
    }
  })
}
