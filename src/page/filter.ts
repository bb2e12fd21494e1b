import { type ShownWebsite, type Snapshot, type Status, statuses } from './overview.ts'

export const sorts = ['status', 'name', 'uptime', 'response', 'since'] as const
export type Sort = (typeof sorts)[number]

/** What of the list is asked for. */
export interface Filter {
  /** Each word of it is part of the name, the URL or a tag, whatever the case. */
  readonly q: string
  readonly tag: string
  /** Empty: any. */
  readonly status: Status | ''
  readonly sort: Sort
  /** From 1. */
  readonly page: number
}

export function filterOf(query: URLSearchParams): Filter {
  const [status, sort, page] = ['status', 'sort', 'page'].map((name) => query.get(name))
  return {
    q: (query.get('q') ?? '').slice(0, 200),
    tag: query.get('tag') ?? '',
    status: statuses.find((known) => known === status) ?? '',
    sort: sorts.find((known) => known === sort) ?? 'status',
    page: /^[1-9]\d{0,5}$/.test(page ?? '') ? Number(page) : 1,
  }
}

export function matching(
  { websites }: Snapshot,
  { q, tag, status }: Pick<Filter, 'q' | 'tag' | 'status'>,
): ShownWebsite[] {
  const words = q.toLowerCase().split(/\s+/).filter(Boolean)
  return websites.filter(
    ({ text, now }) =>
      (status === '' || now.status === status) &&
      (tag === '' || now.tags.includes(tag)) &&
      words.every((word) => text.includes(word)),
  )
}

/** The order of the names stays where the rest is equal. */
export function sorted(websites: readonly ShownWebsite[], sort: Sort): ShownWebsite[] {
  const key = keys[sort]
  if (!key) return [...websites]
  return websites
    .map((website) => ({ website, key: key(website) }))
    .sort((one, other) => one.key - other.key)
    .map(({ website }) => website)
}

/** The smallest first; what is not known comes last. */
const keys: Record<Sort, ((website: ShownWebsite) => number) | undefined> = {
  name: undefined,
  status: ({ now }) => statuses.indexOf(now.status) * 2 + (now.incident ? 0 : 1),
  uptime: (website) => website.uptime('30d').uptime ?? 2,
  response: ({ now }) => (now.http_status ? -(now.response_time ?? 0) : 1),
  since: ({ sinceMs }) => -(sinceMs ?? 0),
}

/** Every tag that there is, by name. */
export function tagsOf({ websites }: Snapshot): string[] {
  return [...new Set(websites.flatMap(({ now }) => now.tags))].sort()
}
