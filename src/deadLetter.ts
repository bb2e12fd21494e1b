/** Why messages become dead letters, in a few words that can be a label: each with the beginnings or ends of its reasons. */
const patterns = {
  empty: /^the message is empty$/,
  encoding: /^the message is not UTF-8$/,
  syntax: /^neither JSON nor YAML|^the message is not an object with fields$/,
  time: /^time: /,
  refused: /^PostgreSQL refuses it/,
  field: / is missing$| is no | is neither true nor false$| holds a character that cannot be stored$/,
  other: /^/,
} as const

export type DeadLetterKind = keyof typeof patterns

export const deadLetterKinds = Object.keys(patterns) as DeadLetterKind[]

/** @param reason of a dead letter, which quotes the message */
export function deadLetterKind(reason: string): DeadLetterKind {
  return deadLetterKinds.find((kind) => patterns[kind].test(reason)) ?? 'other'
}
