/** A check entry on its way to Kafka. */
export interface SpoolEntry {
  /** Given at the write: the order in which entries are published, as a rule. */
  readonly sequence: number
  /** Of the Kafka message. */
  readonly key: string
  readonly value: string
  /** What it takes of `producer.spool.limit`. */
  readonly bytes: number
}

/** At most so much at a time; one entry always goes. */
export interface Portion {
  readonly entries: number
  readonly bytes: number
}

/** Where the spool keeps its entries. One write at a time, and reads beside it. */
export interface Store {
  /** Whether the entries outlive the process. */
  readonly durable: boolean
  /** For people: where the entries are. */
  readonly name: string
  /**
   * Adds entries and removes others, as one. When it has returned, what was added is safe. After an error nobody knows
   * what was written: the same call is to be repeated until it succeeds.
   */
  write(added: readonly SpoolEntry[], removed: readonly number[]): Promise<void>
  /** The entries after a sequence number, in order; none: there are no more. */
  read(after: number, portion: Portion): Promise<SpoolEntry[]>
  /** Why no more should come although writes succeed; undefined: nothing is short. */
  shortage(): Promise<string | undefined>
  close(): Promise<void>
}

/** What is in a store when it is opened. */
export interface Contents {
  readonly lastSequence: number
  readonly entries: number
  readonly bytes: number
}

/** Of an entry: as it is kept, with 11 characters of sequence number and one between key and value. */
export function bytesOf(key: string, value: string): number {
  return 12 + Buffer.byteLength(key) + Buffer.byteLength(value)
}
