import { isUtf8 } from 'node:buffer'
import { FAILSAFE_SCHEMA, load, YAMLException } from 'js-yaml'
import type { DeadLetterKind } from '../deadLetter.ts'
import { isStorable } from '../storable.ts'
import { yamlProblemAndPlace } from '../yamlProblem.ts'

/** Why a message can never become a row; its message is the dead letter's `reason`. */
export class DecodeError extends Error {
  constructor(
    readonly kind: DeadLetterKind,
    reason: string,
  ) {
    super(reason)
  }
}

/**
 * As the parser gave them. Scalars of JSON are numbers and booleans, too; of YAML, text.
 *
 * Readers get the field and its name, and not its name alone: V8 finds `fields.regex` at once, and a name that comes in
 * a variable takes it several times as long.
 */
export type Fields = Readonly<Record<string, unknown>>

/** All scalars of YAML as text: what YAML 1.2 would make of the original's `regex: 1e3` (a number) is not meant. */
export function readFields(value: Buffer | null): Fields {
  if (value === null || value.length === 0) throw new DecodeError('empty', 'the message is empty')
  // A TextDecoder for each message costs as much as all the rest.
  const hasByteOrderMark = value[0] === 0xef && value[1] === 0xbb && value[2] === 0xbf
  const text = value.toString('utf8', hasByteOrderMark ? 3 : 0)
  // What is not UTF-8 becomes this character, which is found to be absent faster than each byte is looked at.
  if (text.includes('\ufffd') && !isUtf8(value)) throw new DecodeError('encoding', 'the message is not UTF-8')
  let document: unknown
  try {
    document = text.trimStart().startsWith('{') ? parseJson(text) : load(text, { schema: FAILSAFE_SCHEMA })
  } catch (error) {
    const reason = error instanceof YAMLException ? yamlProblemAndPlace(error) : (error as Error).name
    throw new DecodeError('syntax', `neither JSON nor YAML: ${reason}`)
  }
  if (typeof document !== 'object' || document === null || Array.isArray(document)) {
    throw new DecodeError('syntax', 'the message is not an object with fields')
  }
  return document as Fields
}

/** An object that is no JSON may still be YAML's flow style. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return load(text, { schema: FAILSAFE_SCHEMA })
  }
}

/** In lower case; undefined: it is none. A regular expression takes three times as long. */
export function uuid(text: string | undefined): string | undefined {
  if (text?.length !== 36) return undefined
  let hasCapitals = false
  for (let i = 0; i < 36; i++) {
    const code = text.charCodeAt(i)
    if (i === 8 || i === 13 || i === 18 || i === 23) {
      if (code !== 45) return undefined
    } else if (code >= 65 && code <= 70) hasCapitals = true
    else if (!((code >= 48 && code <= 57) || (code >= 97 && code <= 102))) return undefined
  }
  return hasCapitals ? text.toLowerCase() : text
}

/** A scalar as its text; anything else counts as missing. */
export function textOf(field: unknown): string | undefined {
  if (typeof field === 'string') return field
  return isScalar(field) ? String(field) : undefined
}

function isScalar(field: unknown): boolean {
  return typeof field === 'string' || typeof field === 'number' || typeof field === 'boolean'
}

export function required(field: unknown, name: string): string {
  return textOf(field) ?? refuse(name, 'is missing')
}

export function wholeNumber(field: unknown, name: string, maximum: number): number {
  if (typeof field === 'number' && Number.isInteger(field) && field >= 0 && field <= maximum) return field
  const text = required(field, name)
  const number = /^[+-]?[\d.]+(e[+-]?\d+)?$/i.test(text) ? Math.round(Number(text)) : Number.NaN
  return number >= 0 && number <= maximum ? number : refuse(name, `is no number from 0 to ${maximum}`)
}

export function truth(field: unknown, name: string): boolean {
  if (typeof field === 'boolean') return field
  const text = required(field, name).toLowerCase()
  if (['true', 'yes', 'on'].includes(text)) return true
  return ['false', 'no', 'off'].includes(text) ? false : refuse(name, 'is neither true nor false')
}

export function storable(text: string, name: string): string {
  return isStorable(text) ? text : refuse(name, 'holds a character that cannot be stored')
}

/** Cut to so many characters, and no character in half. */
export function shortText(field: unknown, name: string, longest: number): string {
  const text = storable(required(field, name), name)
  return text.length > longest ? text.slice(0, longest).toWellFormed() : text
}

export function optional<T>(
  field: unknown,
  name: string,
  read: (field: unknown, name: string, limit: number) => T,
  limit = 0,
): T | null {
  return isScalar(field) ? read(field, name, limit) : null
}

export function refuse(name: string, what: string): never {
  throw new DecodeError('field', `${name} ${what}`)
}
