import { documentedBlocks } from './documentedBlocks.ts'

export interface DocumentedQuery {
  /** As of `documentedBlocks`. */
  readonly title: string
  readonly sql: string
}

/** The SQL of docs/queries.md, in its order. */
export function documentedQueries(): DocumentedQuery[] {
  return documentedBlocks('queries.md', 'sql').map(({ title, text }) => ({ title, sql: text }))
}
