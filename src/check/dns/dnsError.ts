/**
 * A name did not become addresses. The message is a sentence for the check entry's detail. `unknown`: the name does not
 * exist or has no addresses; `temporary`: nobody could tell.
 */
export class DnsError extends Error {
  override name = 'DnsError'

  constructor(
    readonly code: 'unknown' | 'temporary',
    message: string,
  ) {
    super(message)
  }
}

/** Why there are no addresses, in c-ares' words (https://nodejs.org/docs/latest-v20.x/api/dns.html#error-codes). */
export type AresCode = string

/** Codes that say something about the name; every other one says something about the way to the answer. */
const aboutTheName = ['EBADNAME', 'ENOTFOUND', 'ENODATA']

export function isTemporary(code: AresCode): boolean {
  return !aboutTheName.includes(code)
}

/** The code that decides when several questions for one name ended without addresses: that one remained open, if any. */
export function decisive(a: AresCode | undefined, b: AresCode | undefined): AresCode | undefined {
  if (a === undefined || b === undefined) return a ?? b
  return rank(a) >= rank(b) ? a : b
}

function rank(code: AresCode): number {
  return isTemporary(code) ? aboutTheName.length : aboutTheName.indexOf(code)
}

/** @param servers whom we asked, for the one who has to look there: "the name server 10.0.0.53" */
export function dnsError(code: AresCode, servers: string, elapsedMs: number): DnsError {
  return new DnsError(isTemporary(code) ? 'temporary' : 'unknown', sentence(code, servers, elapsedMs))
}

function sentence(code: AresCode, servers: string, elapsedMs: number): string {
  switch (code) {
    case 'EBADNAME':
      return 'the host is neither an address nor a valid name'
    case 'ENOTFOUND':
      return 'the name does not exist'
    case 'ENODATA':
      return 'the name exists, but has no address'
    case 'ETIMEOUT':
      return `no answer from ${servers} in ${(elapsedMs / 1000).toFixed(1)} s`
    case 'ECONNREFUSED':
      return `${servers} cannot be reached`
    case 'ECANCELLED':
      return 'the resolver was closed'
    case 'ESERVFAIL':
    case 'EREFUSED':
    case 'ENOTIMP':
    case 'EFORMERR':
      return `${servers} answered ${code.slice(1)}`
    case 'EBADRESP':
      return `the answer of ${servers} makes no sense`
    default:
      return `${servers} could not be asked (${code})`
  }
}
