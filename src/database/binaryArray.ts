/**
 * Arrays as PostgreSQL's binary parameters (`array_send` and the types' own `send` functions). As text an array of
 * 5,000 costs Node three times as much, and the server twice: it is most of what a parameter costs.
 */

/** https://www.postgresql.org/docs/18/catalog-pg-type.html: the oids of built-in types never change. */
const oids = { boolean: 16, smallint: 21, integer: 23, varchar: 1043, timestamptz: 1184, uuid: 2950 } as const

export type ArrayType = keyof typeof oids

const headerBytes = 20
const lengthBytes = 4
/** PostgreSQL counts microseconds from the year 2000. */
const year2000Ms = 946_684_800_000
const twoTo32 = 4_294_967_296
/** By character code: the digit, or 256. */
const hexDigits = Uint16Array.from({ length: 128 }, (_, code) => {
  const digit = Number.parseInt(String.fromCharCode(code), 16)
  return Number.isNaN(digit) ? 256 : digit
})

/** An array parameter, element by element: a null becomes NULL. What does not fit its type is a RangeError. */
export class BinaryArray {
  #buffer = Buffer.allocUnsafe(1_024)
  #at = headerBytes
  #length = 0
  #nullsAtEnd = 0
  #hasNulls = false

  constructor(private readonly type: ArrayType) {}

  get length(): number {
    return this.#length
  }

  boolean(value: boolean | null): void {
    if (value === null) this.#null()
    else {
      const at = this.#element(1)
      this.#buffer[at] = value ? 1 : 0
    }
  }

  smallint(value: number | null): void {
    if (value === null) this.#null()
    else {
      const at = this.#element(2)
      this.#buffer.writeInt16BE(value, at)
    }
  }

  integer(value: number | null): void {
    if (value === null) this.#null()
    else {
      const at = this.#element(4)
      this.#buffer.writeInt32BE(value, at)
    }
  }

  /** @param ms of the Unix epoch. In two halves, because a BigInt costs ten times as much. */
  timestamptz(ms: number | null): void {
    if (ms === null) this.#null()
    else {
      const microseconds = (ms - year2000Ms) * 1_000
      const high = Math.floor(microseconds / twoTo32)
      const at = this.#element(8)
      this.#buffer.writeInt32BE(high, at)
      this.#buffer.writeUInt32BE(microseconds - high * twoTo32, at + 4)
    }
  }

  uuid(text: string): void {
    let at = this.#element(16)
    for (let i = 0; i < 36; i += 2) {
      if (i === 8 || i === 13 || i === 18 || i === 23) i++
      const digits = ((hexDigits[text.charCodeAt(i)] ?? 256) << 4) | (hexDigits[text.charCodeAt(i + 1)] ?? 256)
      if (!(digits <= 255)) throw new RangeError(`${text} is no UUID`)
      this.#buffer[at++] = digits
    }
  }

  varchar(text: string | null): void {
    if (text === null) this.#null()
    else {
      // A unit of UTF-16 is three bytes of UTF-8 at most.
      const at = this.#room(text.length * 3)
      const bytes = text === '' ? 0 : this.#buffer.write(text, at + lengthBytes)
      this.#buffer.writeInt32BE(bytes, at)
      this.#at = at + lengthBytes + bytes
      this.#length++
    }
  }

  /**
   * The parameter's value. NULLs at its end are left out: `unnest` of several arrays puts them there, and in most columns
   * of most chunks there is nothing else.
   */
  finish(): Buffer {
    const length = this.#length - this.#nullsAtEnd
    // No element at all is an array without dimensions.
    let at = this.#buffer.writeInt32BE(length === 0 ? 0 : 1, 0)
    at = this.#buffer.writeInt32BE(this.#hasNulls ? 1 : 0, at)
    at = this.#buffer.writeInt32BE(oids[this.type], at)
    if (length === 0) return this.#buffer.subarray(0, at)
    at = this.#buffer.writeInt32BE(length, at)
    this.#buffer.writeInt32BE(1, at)
    return this.#buffer.subarray(0, this.#at)
  }

  #null(): void {
    this.#length++
    this.#nullsAtEnd++
  }

  /** Writes the length of an element, and returns where the element goes: in the buffer as it is from now on. */
  #element(bytes: number): number {
    const at = this.#room(bytes)
    this.#buffer.writeInt32BE(bytes, at)
    this.#at = at + lengthBytes + bytes
    this.#length++
    return at + lengthBytes
  }

  /** Where the next element begins, once there is room for its length and so many bytes, behind the NULLs before it. */
  #room(bytes: number): number {
    const needed = this.#at + this.#nullsAtEnd * lengthBytes + lengthBytes + bytes
    if (needed > this.#buffer.length) {
      const larger = Buffer.allocUnsafe(needed * 2)
      this.#buffer.copy(larger, 0, 0, this.#at)
      this.#buffer = larger
    }
    for (; this.#nullsAtEnd > 0; this.#nullsAtEnd--) {
      this.#at = this.#buffer.writeInt32BE(-1, this.#at)
      this.#hasNulls = true
    }
    return this.#at
  }
}
