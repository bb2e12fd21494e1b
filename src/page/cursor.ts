import { Refusal } from './answer.ts'

/** Where a list goes on: after the entry with these keys, whether it is still there or not. */
export type Cursor = readonly [key: string, id: string]

export function writeCursor(cursor: Cursor): string {
  return Buffer.from(JSON.stringify(cursor)).toString('base64url')
}

/** @throws {Refusal} for one that is none of ours */
export function readCursor(text: string | null, isKey: (key: string) => boolean = () => true): Cursor | undefined {
  if (text === null || text === '') return undefined
  try {
    const parts: unknown = JSON.parse(Buffer.from(text, 'base64url').toString())
    const [key, id] = parts as [unknown, unknown]
    if (typeof key === 'string' && typeof id === 'string' && isUuid(id) && isKey(key)) return [key, id]
  } catch {
    // It is no JSON.
  }
  throw new Refusal(400, 'the cursor is none of those that were given out')
}

export function isUuid(text: string): boolean {
  return /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/.test(text)
}

/** To the microsecond, as the queries give them. */
export function isTime(text: string): boolean {
  return /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/.test(text) && !Number.isNaN(Date.parse(text))
}

/** @throws {Refusal} when it is no whole number from 1 to the most */
export function limitOf(query: URLSearchParams, usual: number, most: number): number {
  const text = query.get('limit')
  if (text === null) return usual
  const limit = /^\d{1,6}$/.test(text) ? Number(text) : 0
  if (limit < 1 || limit > most) throw new Refusal(400, `limit: expected a whole number from 1 to ${most}`)
  return limit
}
