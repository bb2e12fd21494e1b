import { literalAddress } from '../check/dns/address.ts'
import { DnsError, Resolver } from '../check/dns/resolver.ts'
import type { Config } from '../config.ts'
import { type Finding, note, well, wrong } from '../finding.ts'

const mostNames = 10
const part = 'DNS'

/** Resolves the hosts of some websites as the checks do. One of them may be gone; where all fail, it is not them. */
export async function diagnoseDns({ monitoring }: Config, urls: readonly string[]): Promise<Finding> {
  const { nameservers } = monitoring
  const hosts = urls.filter((url) => URL.canParse(url)).map((url) => new URL(url).hostname)
  const names = [...new Set(hosts.filter((host) => host !== '' && literalAddress(host) === undefined))].slice(
    0,
    mostNames,
  )
  if (names.length === 0) return well(part, 'no website has a name to resolve')
  const resolver = new Resolver({ nameservers })
  try {
    const results = await Promise.allSettled(names.map((name) => resolver.resolve(name)))
    const failed = results.flatMap((result, index) =>
      result.status === 'rejected' ? [{ name: names[index] as string, reason: result.reason as unknown }] : [],
    )
    const [first] = failed
    const why = first && `${first.name}: ${first.reason instanceof DnsError ? first.reason.message : first.reason}`
    if (why === undefined) return well(part, `${names.length} of ${names.length} names of websites resolve`)
    const count = `${names.length - failed.length} of ${names.length} names of websites resolve (${why})`
    if (failed.length < names.length) return note(part, count)
    const servers = nameservers.length > 0 ? `monitoring.nameservers (${nameservers.join(', ')})` : '/etc/resolv.conf'
    return wrong(part, count, `look at the name servers of ${servers} and the way to them`)
  } finally {
    resolver.close()
  }
}
