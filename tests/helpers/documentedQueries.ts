import { readFileSync } from 'node:fs'

export interface DocumentedQuery {
  /** The heading that it stands under; a second one under the same heading ends in " (2)". */
  readonly title: string
  readonly sql: string
}

/** The SQL of docs/queries.md, in its order. */
export function documentedQueries(): DocumentedQuery[] {
  const sections = readFileSync(new URL('../../docs/queries.md', import.meta.url), 'utf8').split(/^## /m)
  return sections.slice(1).flatMap((section) => {
    const title = section.slice(0, section.indexOf('\n'))
    return [...section.matchAll(/^```sql\n(.+?)^```/gms)].map(([, sql], n) => ({
      title: n === 0 ? title : `${title} (${n + 1})`,
      sql: sql as string,
    }))
  })
}
