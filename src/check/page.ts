import { decodeBody, keepsAscii } from './charset.ts'
import type { Text } from './regex/literal.ts'

const isAscii = /^[\0-\x7f]*$/

/**
 * A page as it came, which is decoded only where that is needed: most patterns are a few letters of ASCII, and those are
 * looked for in the bytes. The text of each page was a sixth of all memory that a check takes.
 */
export class Page implements Text {
  constructor(
    private readonly body: Buffer,
    private readonly contentType: string | undefined,
  ) {}

  includes(literal: string): boolean {
    if (keepsAscii(this.contentType) && isAscii.test(literal)) return this.body.includes(literal, 0, 'latin1')
    return this.toString().includes(literal)
  }

  toString(): string {
    return decodeBody(this.body, this.contentType)
  }
}
