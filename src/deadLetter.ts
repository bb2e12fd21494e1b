import type { TopicRecord } from './topicRecord.ts'

/** Why messages become dead letters, in a word that can be a label. */
export const deadLetterKinds = ['empty', 'encoding', 'syntax', 'time', 'field', 'refused'] as const
export type DeadLetterKind = (typeof deadLetterKinds)[number]

/** A message that can never become a row of `check_entry`, kept with its reason as a row of `dead_letter`. */
export interface DeadLetter {
  readonly record: TopicRecord
  readonly kind: DeadLetterKind
  /** For people; it may quote the message. */
  readonly reason: string
}
