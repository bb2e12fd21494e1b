import { isUtf8 } from 'node:buffer'

/**
 * The text of a page, as `requests` decodes it: by the charset of Content-Type; without one, text is ISO-8859-1
 * (RFC 2616, 3.7.1; a <meta charset> is not read) and JSON is UTF-8; anything else is UTF-8 when it is valid, else
 * windows-1252, where `requests` guesses. An unknown charset counts as UTF-8. A byte order mark stays in the text, but
 * for UTF-16. What differs on purpose has a name and a reason in tests/data/decoding.py.
 */
export function decodeBody(body: Buffer, contentType: string | undefined): string {
  return decodeAs(charsetOf(body, contentType), body)
}

/** The charset by which a page is read, in small letters: as its Content-Type names it, else what is taken instead. */
export function charsetOf(body: Buffer, contentType: string | undefined): string {
  const [type = '', ...parameters] = (contentType ?? '').split(';')
  const named = namedCharset(parameters)
  if (named !== undefined) return named.toLowerCase()
  const mediaType = type.toLowerCase()
  if (mediaType.includes('text')) return 'iso-8859-1'
  return mediaType.includes('application/json') || isUtf8(body) ? 'utf-8' : 'windows-1252'
}

/** Whether the letters of ASCII are these bytes, and nothing else is: whatever the other bytes are, valid or not. */
export function keepsAscii(contentType: string | undefined): boolean {
  const charset = namedCharset((contentType ?? '').split(';').slice(1))
  return charset === undefined || /^(utf-?8|iso-8859-1|us-ascii|windows-1252)$/i.test(charset)
}

/** The last one counts. Quotes of both kinds are left out, closed or not. */
function namedCharset(parameters: readonly string[]): string | undefined {
  let charset: string | undefined
  for (const parameter of parameters) {
    const end = parameter.indexOf('=')
    if (end >= 0 && unquoted(parameter.slice(0, end)).toLowerCase() === 'charset') {
      charset = unquoted(parameter.slice(end + 1))
    }
  }
  return charset
}

/** By hand: a pattern for the end of a text takes quadratic time on 60 kB of spaces. */
function unquoted(text: string): string {
  let start = 0
  let end = text.length
  while (start < end && ` \t"'`.includes(text[start] as string)) start++
  while (end > start && ` \t"'`.includes(text[end - 1] as string)) end--
  return text.slice(start, end)
}

function decodeAs(label: string, body: Buffer): string {
  if (label === 'iso-8859-1') return body.toString('latin1')
  if (/^utf[-_]?8$/.test(label)) return body.toString('utf8')
  if (/^utf[-_]?16$/.test(label)) return decodeUtf16(body)
  if (/^((us[-_])?ascii|ansi_x3\.4-1968)$/.test(label)) return decodeByTable(body, ascii)
  if (/^(x-)?(windows|cp)[-_]?1252$/.test(label)) return decodeByTable(body, windows1252)
  if (/^iso[-_]?8859[-_]16$/.test(label)) return decodeByTable(body, iso885916)
  const decoder = decoderFor(label)
  if (decoder === undefined) return body.toString('utf8')
  // The labels of ISO-8859-1 mean windows-1252 to a browser (WHATWG Encoding), and the true one to Python.
  if (decoder.encoding === 'windows-1252') return body.toString('latin1')
  if (!decoder.encoding.startsWith('windows-125')) return decoder.decode(body)
  // Bytes that are no letter are control characters to a browser.
  const letters = decoder.decode(upperHalf).replaceAll(/[\x80-\x9f]/g, '\ufffd')
  return decodeByTable(body, tableOf(0x80, letters))
}

/** Labels that Python knows and browsers do not, of those that are seen on the web. */
const otherNames: Readonly<Record<string, string>> = {
  'latin-1': 'latin1',
  cp932: 'shift_jis',
  cp936: 'gbk',
  cp949: 'euc-kr',
  cp950: 'big5',
  eucjp: 'euc-jp',
  euckr: 'euc-kr',
  shiftjis: 'shift_jis',
}

/** Python takes `_` for `-`. */
function decoderFor(label: string) {
  const dashed = label.replaceAll('_', '-')
  for (const name of [label, dashed, otherNames[dashed]]) {
    try {
      if (name !== undefined) return new TextDecoder(name, { ignoreBOM: true })
    } catch {
      // Not by this name.
    }
  }
  return undefined
}

/** The byte order mark says which end comes first, and is no text. */
function decodeUtf16(body: Buffer): string {
  return new TextDecoder(body[0] === 0xfe && body[1] === 0xff ? 'utf-16be' : 'utf-16le').decode(body)
}

/** Replacing letters in a text took 100 ms for a page of 1 MB; this takes 2. */
function decodeByTable(body: Buffer, table: Uint16Array): string {
  const letters = new Uint16Array(body.length)
  for (let n = 0; n < body.length; n++) letters[n] = table[body[n] as number] as number
  return Buffer.from(letters.buffer).toString('utf16le')
}

/** A letter for each byte: ISO-8859-1, but for those from `first` on. */
function tableOf(first: number, letters: string): Uint16Array {
  return Uint16Array.from({ length: 256 }, (_, byte) => (byte < first ? byte : letters.charCodeAt(byte - first)))
}

const upperHalf = Uint8Array.from({ length: 128 }, (_, n) => 0x80 + n)
const ascii = tableOf(0x80, '\ufffd'.repeat(128))
/** Node 20.20 takes windows-1252 for ISO-8859-1: "€" and the curved quotes were lost. */
const windows1252 = tableOf(
  0x80,
  `€�‚ƒ„…†‡ˆ‰Š‹Œ�Ž��‘’“”•–—˜™š›œ�žŸ${Buffer.from(upperHalf).toString('latin1').slice(0x20)}`,
)
/** Node, or rather ICU, does not know it. */
const iso885916 = tableOf(
  0xa0,
  '\xa0ĄąŁ€„Š§š©Ș«Ź\xadźŻ°±ČłŽ”¶·žčș»ŒœŸżÀÁÂĂÄĆÆÇÈÉÊËÌÍÎÏĐŃÒÓÔŐÖŚŰÙÚÛÜĘȚßàáâăäćæçèéêëìíîïđńòóôőöśűùúûüęțÿ',
)
