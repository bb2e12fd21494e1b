import type { Config } from '../config.ts'
import type { Service } from '../service.ts'
import { shownUrl } from '../shownUrl.ts'
import { AddressFilter } from './addressFilter.ts'
import { Checker } from './checker.ts'
import { Resolver } from './dns/resolver.ts'
import { proxyRule, unusedProxyVariables } from './proxy.ts'
import { RegexSearch } from './regex/search.ts'

export interface OpenChecker {
  readonly checker: Checker
  close(): Promise<void>
}

/**
 * A checker with all that it needs beside a website, from the configuration.
 *
 * @param intervalSeconds of a website that has none of its own
 */
export function openChecker(monitoring: Config['monitoring'], intervalSeconds?: number): OpenChecker {
  const { timeoutSeconds, maxBodyBytes, userAgent, proxy, nameservers, allow, deny } = monitoring
  const resolver = new Resolver({ nameservers })
  const regexSearch = new RegexSearch()
  const checker = new Checker({
    timeoutMs: timeoutSeconds * 1000,
    maxBodyBytes,
    userAgent,
    intervalSeconds,
    resolver,
    filter: new AddressFilter(allow, deny),
    proxyFor: proxyRule(proxy, process.env),
    search: (pattern, text) => regexSearch.search(pattern, text),
  })
  return {
    checker,
    async close() {
      resolver.close()
      await regexSearch.close()
    },
  }
}

/** The checker of a service: what runs at second 6 of a stop is given up. */
export function startChecker(service: Service): Checker {
  const { config, logger, aborting } = service
  const { proxy, intervalSeconds } = config.monitoring
  const unused = unusedProxyVariables(proxy, process.env)
  const shown = proxy === 'none' ? proxy : shownUrl(proxy)
  if (unused.length > 0)
    logger.warn(`monitoring.proxy is ${shown}: ${unused.join(', ')} of the environment is not used`)
  const { checker, close } = openChecker(config.monitoring, intervalSeconds)
  service.onStop('checker', close)
  aborting.addEventListener('abort', () => checker.abort(), { once: true })
  return checker
}
