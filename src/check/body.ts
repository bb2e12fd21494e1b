import type { Readable } from 'node:stream'

/**
 * Reads a body up to so many bytes (after decompression); what comes beyond is not read.
 *
 * @throws what the stream fails with: the connection was cut, or the content is not encoded as its headers say
 */
export async function readBody(stream: Readable, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = []
  let length = 0
  // Leaving the loop destroys the stream, and its connection with it.
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    chunks.push(chunk)
    length += chunk.length
    if (length >= maxBytes) break
  }
  return Buffer.concat(chunks).subarray(0, maxBytes)
}

/**
 * The text of a page, as `requests` decodes it: by the charset of Content-Type; without one, text is ISO-8859-1
 * (RFC 2616, 3.7.1; a <meta charset> is not read) and JSON is UTF-8; anything else is UTF-8 when it is valid, else
 * windows-1252, where `requests` guesses. An unknown charset counts as UTF-8. A byte order mark stays in the text.
 */
export function decodeBody(body: Buffer, contentType: string | undefined): string {
  const [type = '', ...parameters] = (contentType ?? '').split(';')
  const mediaType = type.trim().toLowerCase()
  const charset = parameters.map((parameter) => /^\s*charset\s*=\s*['"]?([^'"]*)/i.exec(parameter)?.[1]).find(Boolean)
  if (charset !== undefined) return decodeAs(charset.trim(), body)
  if (mediaType.startsWith('text/')) return decodeAs('iso-8859-1', body)
  if (mediaType === 'application/json') return decodeAs('utf-8', body)
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body)
  } catch {
    return decodeAs('windows-1252', body)
  }
}

function decodeAs(charset: string, body: Buffer): string {
  // A browser's ISO-8859-1 is windows-1252 (WHATWG Encoding); Python's is the true one, as is Node's latin1.
  if (/^(iso-?8859-?1|latin-?1|l1)$/i.test(charset)) return body.toString('latin1')
  return decoderFor(charset).decode(body)
}

function decoderFor(charset: string) {
  try {
    return new TextDecoder(charset, { ignoreBOM: true })
  } catch {
    return new TextDecoder('utf-8', { ignoreBOM: true })
  }
}
