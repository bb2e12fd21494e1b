import { isIP } from 'node:net'

/** How the text of a configuration value becomes a value. */
export interface Parser<T> {
  /** Ends the sentence "expected ...". */
  readonly expected: string
  /** @returns undefined when the text is not what is expected */
  parse(text: string): T | undefined
  /** Whether a list of the file will do, too: it comes as text with commas. */
  readonly takesList?: boolean
}

export const text: Parser<string> = {
  expected: 'text',
  // The original's file comes with `<enter your info here>` where one's own values belong.
  parse: (value) => (value === '' || /^<.*>$/.test(value) ? undefined : value),
}

/** Also an empty one: a password, or the name of a file that is not used. */
export const anyText: Parser<string> = { expected: 'text', parse: (value) => value }

/** As YAML 1.1, and so the original, reads it. */
export const boolean: Parser<boolean> = {
  expected: 'true or false',
  parse(value) {
    if (/^(true|yes|on)$/i.test(value)) return true
    return /^(false|no|off)$/i.test(value) ? false : undefined
  },
}

export function whole(minimum: number, maximum: number): Parser<number> {
  return {
    expected: `a whole number from ${minimum} to ${maximum}`,
    parse(value) {
      const number = /^\d{1,15}$/.test(value) ? Number(value) : -1
      return number >= minimum && number <= maximum ? number : undefined
    },
  }
}

export function word<T extends string>(words: readonly T[]): Parser<T> {
  return {
    expected: `one of ${words.join(', ')}`,
    parse: (value) => words.find((known) => known === value.toLowerCase()),
  }
}

/** Several, separated by commas; in the file also as a list. */
export function list<T>(item: Parser<T>): Parser<T[]> {
  return {
    expected: `a list, each item of it ${item.expected}`,
    takesList: true,
    parse(value) {
      const items = value
        .split(',')
        .map((one) => one.trim())
        .filter((one) => one !== '')
        .map(item.parse)
      return items.includes(undefined) ? undefined : (items as T[])
    },
  }
}

export interface Cidr {
  readonly address: string
  readonly prefix: number
}

/** Addresses in CIDR notation; one without a prefix stands for itself. */
export const cidr: Parser<Cidr> = {
  expected: 'an address or a network such as 10.0.0.0/8 or fc00::/7',
  parse(value) {
    const [, address = '', prefix] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(value) ?? []
    const bits = isIP(address) === 4 ? 32 : 128
    const length = prefix === undefined ? bits : Number(prefix)
    return isIP(address) !== 0 && length <= bits ? { address, prefix: length } : undefined
  },
}

const units: Record<string, number> = { '': 1, B: 1, kB: 1e3, KB: 1e3, MB: 1e6, GB: 1e9 }

/** To three digits. */
export function sizeText(bytes: number): string {
  const unit = bytes >= 1e9 ? 'GB' : bytes >= 1e6 ? 'MB' : 'kB'
  return `${Number((bytes / (units[unit] ?? 1)).toPrecision(3))}${unit}`
}

/** Bytes, written with kB, MB or GB (powers of 1000) or without a unit. */
export function size(minimum: number, maximum: number): Parser<number> {
  return {
    expected: `a size from ${sizeText(minimum)} to ${sizeText(maximum)}, such as 1MB`,
    parse(value) {
      const [, number, unit = ''] = /^(\d+(?:\.\d+)?) ?([A-Za-z]*)$/.exec(value) ?? []
      const bytes = Math.round(Number(number) * (units[unit] ?? Number.NaN))
      return bytes >= minimum && bytes <= maximum ? bytes : undefined
    },
  }
}
