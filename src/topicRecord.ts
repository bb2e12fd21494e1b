/** A record of the topic, as it is delivered. */
export interface TopicRecord {
  readonly topic: string
  readonly partition: number
  readonly offset: bigint
  /** CreateTime, milliseconds of the Unix epoch. */
  readonly timestampMs: number
  readonly key: Buffer | null
  readonly value: Buffer | null
}
