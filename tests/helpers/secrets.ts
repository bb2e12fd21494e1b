import { randomBytes } from 'node:crypto'

/** Secrets that nobody else has, and the search for them in whatever was said. */
export class Secrets {
  readonly #byName = new Map<string, string>()

  /** The same at each call. Letters and digits alone, so that it stays what it is in a URL, in YAML and in JSON. */
  of(name: string): string {
    const known = this.#byName.get(name) ?? `${name.replaceAll(/\W/g, '')}${randomBytes(8).toString('hex')}`
    this.#byName.set(name, known)
    return known
  }

  /** Where a secret stands in a text, as it is or encoded, each with some of what is around it. */
  in(text: string): string[] {
    return [...this.#byName].flatMap(([name, secret]) =>
      formsOf(secret).flatMap((form) => {
        const at = text.indexOf(form)
        return at === -1 ? [] : [`${name}: ${text.slice(Math.max(0, at - 100), at + form.length + 20)}`]
      }),
    )
  }
}

/** In base64 it looks different at each of three places; the characters at its ends also hold bits of its neighbours. */
function formsOf(secret: string): string[] {
  const base64 = [0, 1, 2].map((before) => {
    const bytes = Buffer.concat([Buffer.alloc(before), Buffer.from(secret)])
    return bytes.toString('base64').slice(Math.ceil((before * 8) / 6), Math.floor((bytes.length * 8) / 6))
  })
  return [secret, ...base64, Buffer.from(secret).toString('hex')]
}
