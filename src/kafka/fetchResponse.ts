import response from 'kafkajs/src/protocol/requests/fetch/v11/response.js'

const kafkajsDecode = response.decode

/**
 * kafkajs makes of each record an object with two buffers, three strings and a chain of BigInts, for all records of a
 * fetch before the first is handled. Tens of thousands of them, waiting for the database, were a third of what Node
 * spent on a row, most of it in the garbage collector. Here a record is a view of its bytes.
 *
 * What is not plain (compression, transactions, formats from before Kafka 0.11) is left to kafkajs.
 */
export function readRecordsAsViews(): void {
  response.decode = async (bytes) => readFetchResponse(bytes) ?? (await kafkajsDecode(bytes))
}

/** What kafkajs makes of the answer; undefined: something in it is not plain. */
export function readFetchResponse(bytes: Buffer): FetchResponse | undefined {
  const cursor = new Cursor(bytes)
  const clientSideThrottleTime = cursor.int32()
  const errorCode = cursor.int16()
  const sessionId = cursor.int32()
  const responses: TopicResponse[] = []
  for (let topics = cursor.int32(); topics > 0; topics--) {
    const topicName = cursor.text()
    const partitions: PartitionResponse[] = []
    for (let count = cursor.int32(); count > 0; count--) {
      const partition = readPartition(cursor)
      if (partition === undefined) return undefined
      partitions.push(partition)
    }
    responses.push({ topicName, partitions })
  }
  // kafkajs waits itself where the broker wants it to (KIP-219); a throttleTime is one that has passed already.
  return { throttleTime: 0, clientSideThrottleTime, errorCode, sessionId, responses }
}

interface FetchResponse {
  readonly throttleTime: number
  readonly clientSideThrottleTime: number
  readonly errorCode: number
  readonly sessionId: number
  readonly responses: TopicResponse[]
}

interface TopicResponse {
  readonly topicName: string
  readonly partitions: PartitionResponse[]
}

interface PartitionResponse {
  readonly partition: number
  readonly errorCode: number
  readonly highWatermark: string
  readonly lastStableOffset: string
  readonly lastStartOffset: string
  readonly abortedTransactions: never[]
  readonly preferredReadReplica: number
  readonly messages: RecordView[]
}

/** https://kafka.apache.org/protocol#The_Messages_Fetch, version 11 */
function readPartition(cursor: Cursor): PartitionResponse | undefined {
  const partition = cursor.int32()
  const errorCode = cursor.int16()
  const highWatermark = String(cursor.int64())
  const lastStableOffset = String(cursor.int64())
  const lastStartOffset = String(cursor.int64())
  if (cursor.int32() > 0) return undefined
  const preferredReadReplica = cursor.int32()
  const messages = readBatches(cursor, cursor.int32())
  if (messages === undefined) return undefined
  return {
    partition,
    errorCode,
    highWatermark,
    lastStableOffset,
    lastStartOffset,
    abortedTransactions: [],
    preferredReadReplica,
    messages,
  }
}

const batchHeaderBytes = 61
/** Of a batch's attributes: compression, its time is the broker's, part of a transaction, a mark of the broker. */
const [compression, logAppendTime, transactional, control] = [0x07, 0x08, 0x10, 0x20]

/** https://kafka.apache.org/documentation/#recordbatch */
function readBatches(cursor: Cursor, length: number): RecordView[] | undefined {
  const records: RecordView[] = []
  const end = cursor.at + Math.max(length, 0)
  while (cursor.at + batchHeaderBytes <= end) {
    const firstOffset = Number(cursor.int64())
    const batchEnd = cursor.int32() + cursor.at
    // Answers are cut at their greatest size, wherever that is.
    if (batchEnd > end) break
    if (batchEnd < cursor.at + batchHeaderBytes - 12) throw corrupt('a batch')
    cursor.skip(4)
    if (cursor.int8() !== 2) return undefined
    cursor.skip(4)
    const attributes = cursor.int16()
    if ((attributes & (compression | transactional | control)) !== 0) return undefined
    cursor.skip(4)
    const firstMs = Number(cursor.int64())
    const lastMs = Number(cursor.int64())
    const times = (attributes & logAppendTime) !== 0 ? { allMs: lastMs, firstMs } : { allMs: null, firstMs }
    const batch: RecordBatch = { bytes: cursor.bytes, firstOffset, ...times }
    cursor.skip(14)
    // Each record takes at least a byte of the batch, so this ends whatever the count is.
    for (let count = cursor.int32(); count > 0; count--) {
      const recordEnd = cursor.varint() + cursor.at
      cursor.skip(1)
      const laterMs = cursor.varint()
      const offsetDelta = cursor.varint()
      const keyAt = cursor.at
      cursor.skipData()
      cursor.skipData()
      if (!(cursor.at <= recordEnd && recordEnd <= batchEnd)) throw corrupt('a record')
      records.push(new RecordView(batch, keyAt, offsetDelta, laterMs))
      cursor.at = recordEnd
    }
    cursor.at = batchEnd
  }
  cursor.at = end
  return records
}

/** What the records of a batch have in common. */
interface RecordBatch {
  /** The whole answer's. */
  readonly bytes: Buffer
  readonly firstOffset: number
  readonly firstMs: number
  /** The time of all of them, where that is the broker's. */
  readonly allMs: number | null
}

/**
 * A record, with the names and types that kafkajs gives. Headers are nobody's business. It holds small numbers only,
 * which V8 keeps in place, because the garbage collector carries tens of thousands of these along.
 */
class RecordView {
  constructor(
    private readonly batch: RecordBatch,
    /** Where its key begins. */
    private readonly keyAt: number,
    private readonly offsetDelta: number,
    private readonly laterMs: number,
  ) {}

  get isControlRecord(): boolean {
    return false
  }

  get offset(): string {
    return String(this.batch.firstOffset + this.offsetDelta)
  }

  get timestamp(): string {
    return String(this.batch.allMs ?? this.batch.firstMs + this.laterMs)
  }

  get key(): Buffer | null {
    return new Cursor(this.batch.bytes, this.keyAt).data()
  }

  get value(): Buffer | null {
    const cursor = new Cursor(this.batch.bytes, this.keyAt)
    cursor.skipData()
    return cursor.data()
  }
}

/** Reads Kafka's types one after the other: https://kafka.apache.org/protocol#protocol_types */
class Cursor {
  constructor(
    readonly bytes: Buffer,
    public at = 0,
  ) {}

  skip(length: number): void {
    this.at += length
  }

  int8(): number {
    this.at += 1
    return this.bytes.readInt8(this.at - 1)
  }

  int16(): number {
    this.at += 2
    return this.bytes.readInt16BE(this.at - 2)
  }

  int32(): number {
    this.at += 4
    return this.bytes.readInt32BE(this.at - 4)
  }

  int64(): bigint {
    this.at += 8
    return this.bytes.readBigInt64BE(this.at - 8)
  }

  /** As many as a number holds exactly: times and offsets are smaller than 2^53. */
  varint(): number {
    let zigzag = 0
    for (let scale = 1; ; scale *= 128) {
      const byte = this.bytes[this.at++]
      // Nine bytes hold 63 bits; a number that long, or that ends with the answer, is none.
      if (byte === undefined || scale > 2 ** 63) throw corrupt('a number')
      zigzag += (byte & 0x7f) * scale
      if (byte < 0x80) return zigzag % 2 === 0 ? zigzag / 2 : -(zigzag + 1) / 2
    }
  }

  text(): string {
    const length = this.int16()
    this.at += length
    return this.bytes.toString('utf8', this.at - length, this.at)
  }

  skipData(): void {
    const length = this.varint()
    this.at += Math.max(length, 0)
  }

  data(): Buffer | null {
    const length = this.varint()
    if (length < 0) return null
    this.at += length
    return this.bytes.subarray(this.at - length, this.at)
  }
}

/** A disk's fault, mostly. kafkajs tries again, and says so, as after every error. */
function corrupt(what: string): RangeError {
  return new RangeError(`the answer to a fetch holds ${what} of an impossible length`)
}
