import { type Command, InvalidArgumentError, Option } from 'commander'
import type { Parser } from '../configValue.ts'
import { defaultSettings, parsers, type WebsiteSettings } from '../websiteSettings.ts'
import { UsageError } from './commandLine.ts'

/** Settings as options: those that were given. */
interface GivenOptions {
  readonly name?: string
  readonly regex?: string
  readonly interval?: number
  readonly timeout?: number
  readonly method?: string
  readonly header?: string[]
  readonly body?: string
  readonly expectedStatus?: string
  readonly followRedirects: boolean
  readonly verifyCertificate: boolean
  readonly tag?: string[]
  readonly disabled?: true
}

/** The options that say how a website is checked. */
export function addRequestOptions(command: Command): Command {
  return command
    .addOption(parsed('--regex <pattern>', "must be found in the page, as Python's re.search finds it", parsers.regex))
    .addOption(parsed('--timeout <seconds>', 'until the check ends, 1 to 300', parsers.timeout))
    .addOption(parsed('--method <method>', 'GET, HEAD, POST, PUT, PATCH, DELETE or OPTIONS', parsers.method))
    .option(
      '--header <header>',
      'a header to send, such as "Accept: text/html"; again for more',
      (header, others: string[] = []) => [...others, header],
    )
    .addOption(parsed('--body <text>', 'the body to send', parsers.body))
    .addOption(
      parsed('--expected-status <statuses>', 'statuses that are fine, such as 200-299,401', parsers.expected_status),
    )
    .option('--no-follow-redirects', 'take a redirect as the answer')
    .option('--no-verify-certificate', 'take any certificate')
}

/** The options that say what else a row of `website` says. */
export function addRowOptions(command: Command): Command {
  return command
    .addOption(parsed('--name <name>', "what it is called (default: the URL's host)", parsers.name))
    .addOption(parsed('--interval <seconds>', 'between two checks, 1 to 86400', parsers.interval))
    .option('--tag <tag>', 'a tag; again for more', addTag)
    .option('--disabled', 'do not check it yet')
}

/** @throws {UsageError} */
export function settingsOf(url: string, options: object): WebsiteSettings {
  const given = options as GivenOptions
  return {
    ...defaultSettings,
    url,
    name: given.name ?? url,
    regex: given.regex ?? '',
    enabled: given.disabled !== true,
    interval: given.interval ?? null,
    timeout: given.timeout ?? null,
    method: given.method ?? null,
    headers: given.header ? headersOf(given.header) : null,
    body: given.body ?? null,
    expected_status: given.expectedStatus ?? null,
    follow_redirects: given.followRedirects ? null : false,
    verify_certificate: given.verifyCertificate ? null : false,
    tags: given.tag ?? [],
  }
}

/** An option whose text must be what the parser expects. */
export function parsed<T>(flags: string, description: string, parser: Parser<T>): Option {
  return new Option(flags, description).argParser((value) => {
    const result = parser.parse(value)
    if (result === undefined) throw new InvalidArgumentError(`Expected ${parser.expected}.`)
    return result
  })
}

/** Here and not by commander, which would show what it refuses: it may be a secret with its colon missing. */
function headersOf(given: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    given.map((text) => {
      const colon = text.indexOf(':')
      if (colon < 1) throw new UsageError('--header: expected a name, a colon and a value')
      return [text.slice(0, colon).trim(), text.slice(colon + 1).trim()]
    }),
  )
}

function addTag(text: string, tags: string[] = []): string[] {
  const more = parsers.tags.parse(text)
  if (more === undefined || more.length === 0) throw new InvalidArgumentError('Expected a tag.')
  return [...new Set([...tags, ...more])]
}
