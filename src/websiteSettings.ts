import { RegexError } from './check/regex/regexError.ts'
import { Translator } from './check/regex/translate.ts'
import { methods, refusalOf } from './check/requestable.ts'
import { anyText, boolean, list, type Parser, whole, word } from './configValue.ts'
import { isStorable } from './storable.ts'
import type { Website } from './website.ts'

/** A website as people set it, by command or in a file: names and values are those of the columns. Null: the default. */
export interface WebsiteSettings {
  readonly name: string
  readonly url: string
  readonly regex: string
  readonly enabled: boolean
  readonly interval: number | null
  readonly timeout: number | null
  readonly method: string | null
  /** The values are secrets. */
  readonly headers: Readonly<Record<string, string>> | null
  readonly body: string | null
  readonly expected_status: string | null
  readonly follow_redirects: boolean | null
  readonly verify_certificate: boolean | null
  readonly tags: readonly string[]
}

export const defaultSettings: Omit<WebsiteSettings, 'name' | 'url'> = {
  regex: '',
  enabled: true,
  interval: null,
  timeout: null,
  method: null,
  headers: null,
  body: null,
  expected_status: null,
  follow_redirects: null,
  verify_certificate: null,
  tags: [],
}

const someText: Parser<string> = {
  expected: 'text',
  parse: (value) => (value.trim() === '' || !isStorable(value) ? undefined : value),
}

const storable: Parser<string> = {
  expected: anyText.expected,
  parse: (value) => (isStorable(value) ? value : undefined),
}

const expectedStatus: Parser<string> = {
  expected: 'statuses such as 200-299,401',
  parse(value) {
    const ranges = value.replaceAll(' ', '')
    return /^[1-9]\d\d(-[1-9]\d\d)?(,[1-9]\d\d(-[1-9]\d\d)?)*$/.test(ranges) ? ranges : undefined
  },
}

/** How the text of each setting becomes its value. */
export const parsers: Readonly<{
  [Key in Exclude<keyof WebsiteSettings, 'headers'>]: Parser<NonNullable<WebsiteSettings[Key]>>
}> = {
  name: someText,
  url: someText,
  regex: storable,
  enabled: boolean,
  interval: whole(1, 86_400),
  timeout: whole(1, 300),
  method: { ...word(methods), parse: (value) => methods.find((method) => method === value.toUpperCase()) },
  body: storable,
  expected_status: expectedStatus,
  follow_redirects: boolean,
  verify_certificate: boolean,
  tags: list(someText),
}

/** As a check takes it. */
export function asWebsite(settings: WebsiteSettings, id: string): Website {
  const { expected_status, follow_redirects, verify_certificate, ...same } = settings
  return {
    ...same,
    id,
    expectedStatus: expected_status,
    followRedirects: follow_redirects,
    verifyCertificate: verify_certificate,
  }
}

/**
 * Why a website with these settings could never be checked; undefined: it can.
 *
 * @param translator for many, one for all: its tables take some ms to make
 */
export function problemOf(settings: WebsiteSettings, translator = new Translator()): string | undefined {
  const texts = Object.entries(settings.headers ?? {}).flat()
  if (!texts.every(isStorable)) return 'headers: expected text without U+0000'
  return refusalOf(asWebsite(settings, '')) ?? regexProblem(settings.regex, translator)
}

function regexProblem(regex: string, translator: Translator): string | undefined {
  try {
    translator.translate(regex)
    return undefined
  } catch (error) {
    if (error instanceof RegexError) return `regex: ${error.message}`
    throw error
  }
}
