import net from 'node:net'

/** What of resolv.conf(5) we heed. `timeout` and `attempts` we do not: a check cannot wait as long as they allow. */
export interface ResolvConf {
  /** As Node's `setServers` takes them; empty: the file names none that can be used. */
  readonly nameservers: readonly string[]
  readonly search: readonly string[]
  /** A name with so many dots is asked for as it is before the search domains are tried. */
  readonly ndots: number
}

export function parseResolvConf(text: string): ResolvConf {
  const nameservers: string[] = []
  let search: string[] = []
  let ndots = 1
  for (const line of text.split('\n')) {
    const [keyword, ...values] = (line.split(/[#;]/, 1)[0] as string).trim().split(/\s+/)
    if (keyword === 'nameserver')
      nameservers.push(...values.slice(0, 1).flatMap((value) => parseNameserver(value) ?? []))
    // Of several lines the last one counts, and `domain` is a search list of one.
    if (keyword === 'domain') search = values.slice(0, 1)
    if (keyword === 'search') search = values
    if (keyword === 'options') {
      const option = values.map((value) => /^ndots:(\d+)$/.exec(value)?.[1]).findLast((value) => value !== undefined)
      // resolv.conf(5): silently capped at 15.
      if (option !== undefined) ndots = Math.min(Number(option), 15)
    }
  }
  return { nameservers, search: search.map((domain) => domain.toLowerCase().replace(/\.$/, '')), ndots }
}

/**
 * A name server as Node's `setServers` takes it, from an address or `address:port`, an IPv6 address with a port in
 * brackets (in resolv.conf, c-ares and OpenBSD read that too). undefined: it is none. Node itself would drop the zone of
 * a link-local address, take port 99999 for 34463, and for port 0 end the process with a failed assertion.
 */
export function parseNameserver(text: string): string | undefined {
  if (net.isIP(text) !== 0) return text.includes('%') ? undefined : text
  const [, bracketed, plain, port = '53'] = /^(?:\[([\da-f:.]+)\]|([\d.]+))(?::(\d{1,5}))?$/i.exec(text) ?? []
  if (Number(port) < 1 || Number(port) > 65_535) return undefined
  if (bracketed !== undefined) return net.isIP(bracketed) === 0 ? undefined : `${wrapped(bracketed)}:${Number(port)}`
  return plain !== undefined && net.isIPv4(plain) ? `${plain}:${Number(port)}` : undefined
}

function wrapped(address: string): string {
  return net.isIPv6(address) ? `[${address}]` : address
}

/**
 * The names to ask for, in order, as glibc's res_search does it: a name that ends with a dot is meant as it stands; one
 * with `ndots` dots is asked for as it is first, and then, or otherwise first, with each search domain behind it.
 */
export function candidatesOf(name: string, { search, ndots }: ResolvConf): string[] {
  if (name.endsWith('.')) return [name.slice(0, -1)]
  const searched = search.map((domain) => (domain === '' ? name : `${name}.${domain}`))
  const dots = name.split('.').length - 1
  return [...new Set(dots >= ndots ? [name, ...searched] : [...searched, name])]
}
