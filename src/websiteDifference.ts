import { defaultSettings, type WebsiteSettings } from './websiteSettings.ts'

/** What has to happen so that the websites are what is wanted. */
export interface Difference {
  readonly added: readonly WebsiteSettings[]
  readonly changed: readonly ChangedWebsite[]
  readonly removed: readonly { readonly website_id: string; readonly name: string }[]
  readonly unchanged: number
}

export interface ChangedWebsite {
  readonly website_id: string
  readonly settings: WebsiteSettings
  /** The columns that differ. */
  readonly columns: readonly string[]
}

/** Names are not unique in the table, as the original made it. */
export class DuplicateNameError extends Error {}

const columns = ['url', ...Object.keys(defaultSettings)] as (keyof WebsiteSettings)[]
const mostNamed = 10

/**
 * @param prune whether what is not wanted goes
 * @throws {DuplicateNameError} when there are several of a name that is wanted
 */
export function differenceOf(
  present: readonly (WebsiteSettings & { readonly website_id: string })[],
  wanted: readonly WebsiteSettings[],
  prune: boolean,
): Difference {
  const byName = new Map<string, (typeof present)[number][]>()
  for (const website of present) byName.set(website.name, [...(byName.get(website.name) ?? []), website])
  const ambiguous = wanted.map(({ name }) => byName.get(name) ?? []).filter((namesakes) => namesakes.length > 1)
  if (ambiguous.length > 0) throw new DuplicateNameError(describeDuplicates(ambiguous))

  const added: WebsiteSettings[] = []
  const changed: ChangedWebsite[] = []
  let unchanged = 0
  for (const settings of wanted) {
    const found = byName.get(settings.name)?.[0]
    const differing = found ? columns.filter((column) => differs(found[column], settings[column])) : []
    if (found === undefined) added.push(settings)
    else if (differing.length === 0) unchanged++
    else changed.push({ website_id: found.website_id, settings, columns: differing })
  }
  const names = new Set(wanted.map(({ name }) => name))
  const removed = prune ? present.filter(({ name }) => !names.has(name)) : []
  return { added, changed, removed: removed.map(({ website_id, name }) => ({ website_id, name })), unchanged }
}

function describeDuplicates(ambiguous: readonly (readonly { name: string; website_id: string }[])[]): string {
  const lines = ambiguous
    .slice(0, mostNamed)
    .map((namesakes) => `${namesakes[0]?.name}: ${namesakes.map(({ website_id }) => website_id).join(', ')}`)
  const rest = ambiguous.length > mostNamed ? [`and ${ambiguous.length - mostNamed} more names`] : []
  return [
    'the database has several websites of one name, so a file cannot say which it means; nothing was changed.',
    'Remove all but one of each (webmon website remove ID), or give them names of their own:',
    ...lines,
    ...rest,
  ].join('\n')
}

function differs(a: unknown, b: unknown): boolean {
  return a !== b && JSON.stringify(inOrder(a)) !== JSON.stringify(inOrder(b))
}

/** Neither the order of tags nor that of headers means anything. */
function inOrder(value: unknown): unknown {
  if (Array.isArray(value)) return value.toSorted()
  if (typeof value !== 'object' || value === null) return value
  return Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1))
}
