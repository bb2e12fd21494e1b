/** The file that holds websites, for `webmon website import` and `export`: YAML, so that they can live in git. */
import { constructFromEvents, dump, EVENT_ID, type Event, FAILSAFE_SCHEMA, parseEvents, YAMLException } from 'js-yaml'
import { closestMatch } from 'leven'
import { plainText } from './check/failure.ts'
import { Translator } from './check/regex/translate.ts'
import { shownName } from './shownName.ts'
import { defaultSettings, parsers, problemOf, type WebsiteSettings } from './websiteSettings.ts'
import { yamlProblem } from './yamlProblem.ts'

/** All that is wrong, a line each: file, line, website, key, and what was expected. */
export class WebsitesFileError extends Error {}

const keys = ['name', 'url', ...Object.keys(defaultSettings)] as (keyof WebsiteSettings)[]
const mostProblems = 20
/** What may be a secret is not shown, however wrong it is. */
const secretKeys = ['url', 'body', 'headers']
/** YAML's ways to say nothing; in a text they are a text. */
const nothing = ['', '~', 'null']
const textKeys = ['name', 'url', 'regex', 'body']

/** @throws {WebsitesFileError} */
export function readWebsitesFile(text: string, file: string): WebsiteSettings[] {
  const { rows, offsets } = parse(text, file)
  const lineOf = lineCounter(text)
  const translator = new Translator()
  const problems: string[] = []
  const lines = new Map<string, number>()
  const websites = rows.map((row, index) => {
    const line = lineOf(offsets[index] ?? 0)
    const { settings, problem } = settingsOf(row)
    const before = lines.get(settings.name)
    const twice = before === undefined ? undefined : `name: the same as in line ${before}`
    if (settings.name) lines.set(settings.name, before ?? line)
    const wrong = problem ?? problemOf(settings, translator) ?? twice
    if (wrong) problems.push(`${file}:${line}: ${settings.name ? `${plainText(settings.name, 100)}: ` : ''}${wrong}`)
    return settings
  })
  if (problems.length > mostProblems) {
    problems.splice(mostProblems, problems.length, `and ${problems.length - mostProblems} more`)
  }
  if (problems.length > 0) throw new WebsitesFileError(problems.join('\n'))
  return websites
}

/** What is as the default has it is left out. */
export function fileOf(websites: readonly WebsiteSettings[]): { websites: Partial<WebsiteSettings>[] } {
  const written = ({ name, url, ...rest }: WebsiteSettings) => {
    const own = Object.keys(defaultSettings) as (keyof typeof defaultSettings)[]
    const set = own.filter((key) => JSON.stringify(rest[key]) !== JSON.stringify(defaultSettings[key]))
    return { name, url, ...Object.fromEntries(set.map((key) => [key, rest[key]])) }
  }
  return { websites: websites.map(written) }
}

export function writeWebsitesFile(websites: readonly WebsiteSettings[]): string {
  return dump(fileOf(websites), { lineWidth: -1, noRefs: true })
}

/** The rows, and where each begins. */
function parse(text: string, file: string): { rows: unknown[]; offsets: number[] } {
  try {
    const events = parseEvents(text, { filename: file })
    const documents = constructFromEvents(events, { source: text, filename: file, schema: FAILSAFE_SCHEMA })
    const document = documents[0] as { websites?: unknown } | null | undefined
    const unknown = Object.keys(typeof document === 'object' ? (document ?? {}) : {}).find((key) => key !== 'websites')
    const rows = document?.websites === '' ? [] : document?.websites
    if (unknown !== undefined || documents.length !== 1 || !Array.isArray(rows)) {
      const found = unknown === undefined ? '' : `${shownName(unknown)}: unknown key; `
      throw new WebsitesFileError(`${file}: ${found}expected one key, websites, with a list below it`)
    }
    return { rows, offsets: offsetsOfRows(events) }
  } catch (error) {
    if (!(error instanceof YAMLException)) throw error
    const line = error.mark ? `:${error.mark.line + 1}` : ''
    throw new WebsitesFileError(`${file}${line}: not YAML: ${yamlProblem(error)}`)
  }
}

/** Rows are what is in the list in the mapping in the document. */
function offsetsOfRows(events: readonly Event[]): number[] {
  const offsets: number[] = []
  let depth = 0
  for (const event of events) {
    if (event.type === EVENT_ID.POP) {
      depth--
      continue
    }
    if (depth === 3) offsets.push('start' in event ? event.start : 'valueStart' in event ? event.valueStart : 0)
    if (event.type !== EVENT_ID.SCALAR && event.type !== EVENT_ID.ALIAS) depth++
  }
  return offsets
}

/** For offsets in rising order. */
function lineCounter(text: string): (offset: number) => number {
  let at = 0
  let line = 1
  return (offset) => {
    for (; at < offset; at++) if (text[at] === '\n') line++
    return line
  }
}

function settingsOf(row: unknown): { settings: WebsiteSettings; problem: string | undefined } {
  const settings: Record<string, unknown> = { name: '', url: '', ...defaultSettings }
  const problems: string[] = []
  const given = typeof row === 'object' && row !== null && !Array.isArray(row) ? Object.entries(row) : undefined
  for (const [key, value] of given ?? []) {
    const known = keys.find((one) => one === key)
    if (known === undefined) {
      problems.push(`${shownName(key)}: unknown key; did you mean ${closestMatch(key, keys)}?`)
      continue
    }
    if (typeof value === 'string' && nothing.includes(value) && !(textKeys.includes(known) && value !== '')) continue
    const parsed = known === 'headers' ? headersOf(value) : parseValue(known, value)
    if (parsed.value !== undefined) settings[known] = parsed.value
    else problems.push(`${known}: ${shown(known, value)}expected ${parsed.expected}`)
  }
  if (given === undefined) problems.push('expected a website: keys such as name and url, with their values')
  for (const key of given ? ['name', 'url'] : []) if (settings[key] === '') problems.unshift(`${key}: missing`)
  return { settings: settings as unknown as WebsiteSettings, problem: problems[0] }
}

function parseValue(key: Exclude<keyof WebsiteSettings, 'headers'>, value: unknown) {
  const { expected, parse } = parsers[key]
  if (key === 'tags' && Array.isArray(value)) {
    const tags = value.map((tag) => (typeof tag === 'string' ? parsers.name.parse(tag) : undefined))
    return { value: tags.includes(undefined) ? undefined : tags, expected }
  }
  return { value: typeof value === 'string' ? parse(value) : undefined, expected }
}

function headersOf(value: unknown) {
  const good =
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    Object.values(value).every((one) => typeof one === 'string')
  return { value: good ? value : undefined, expected: 'names with a text each' }
}

function shown(key: string, value: unknown): string {
  return typeof value !== 'string' || secretKeys.includes(key) ? '' : `${JSON.stringify(value.slice(0, 50))}: `
}
