/** Who is told of what. */

export const formats = ['json', 'slack', 'discord'] as const
export type Format = (typeof formats)[number]

export interface Webhook {
  /** A secret, as the values of the headers are: whoever knows it can write there. */
  readonly url: string
  readonly format: Format
  readonly headers: Readonly<Record<string, string>>
}

/** One of `alerts.receivers`. */
export interface Receiver {
  readonly name: string
  /** Either this, */
  readonly webhook: Webhook | null
  /** or the addresses of those who get an e-mail. */
  readonly email: readonly string[] | null
  /** Websites with one of them; empty: all. */
  readonly tags: readonly string[]
  /** Websites with such a name, in which a * stands for any text; empty: all. */
  readonly names: readonly string[]
  /** How often it is told that an incident lasts, in seconds; 0: never. */
  readonly repeatSeconds: number
  /** Whether it is told when webmon itself is in trouble. */
  readonly monitor: boolean
}

/** How an e-mail leaves. */
export interface Smtp {
  readonly host: string
  readonly port: number
  /** `starttls` and `tls` (from the first byte on) send nothing where there is no trusted TLS. */
  readonly security: 'starttls' | 'tls' | 'none'
  /** PEM; undefined: the public authorities that Node knows. */
  readonly ca: string | undefined
  readonly user: string | null
  readonly password: string | null
  readonly from: string
}

/** Whether the receiver is told of this website. */
export function hears({ tags, names }: Receiver, website: { readonly name: string; readonly tags: readonly string[] }) {
  const hasTag = tags.length === 0 || tags.some((tag) => website.tags.includes(tag))
  return hasTag && (names.length === 0 || names.some((pattern) => matches(pattern, website.name)))
}

/** As short as it is, a pattern of many stars takes no time to speak of: each part is looked for once. */
function matches(pattern: string, name: string): boolean {
  const [first = '', ...others] = pattern.split('*')
  const last = others.pop()
  if (last === undefined) return name === pattern
  if (!name.startsWith(first)) return false
  let at = first.length
  for (const part of others) {
    const found = name.indexOf(part, at)
    if (found === -1) return false
    at = found + part.length
  }
  return name.length - last.length >= at && name.endsWith(last)
}
