import { createHash } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'

const compress = promisify(gzip)

/** Nothing runs, and nothing is loaded, that does not come from here; nobody can put it into a frame. */
const policy =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
  "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

export const securityHeaders: Readonly<Record<string, string>> = {
  'content-security-policy': policy,
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
}

/** What is answered, and how it is sent. The same answer can be sent to many. */
export class Answer {
  readonly #body: Buffer
  readonly #etag: string
  #compressed: Promise<Buffer> | undefined

  constructor(
    readonly status: number,
    readonly type: string,
    body: string | Buffer,
    private readonly headers: Readonly<Record<string, string>> = {},
  ) {
    this.#body = Buffer.from(body)
    this.#etag = `W/"${createHash('sha256').update(this.#body).digest('base64url').slice(0, 22)}"`
  }

  async send(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const headers = {
      ...securityHeaders,
      'cache-control': 'no-cache',
      vary: 'accept-encoding',
      etag: this.#etag,
      ...this.headers,
    }
    if (this.status === 200 && request.headers['if-none-match'] === this.#etag) {
      response.writeHead(304, headers).end()
      return
    }
    const zips = this.#body.length > 1_000 && /\bgzip\b/.test(request.headers['accept-encoding'] ?? '')
    if (zips) this.#compressed ??= compress(this.#body, { level: 5 })
    const body = zips ? await (this.#compressed as Promise<Buffer>) : this.#body
    response.writeHead(this.status, {
      ...headers,
      'content-type': this.type,
      'content-length': body.length,
      ...(zips && { 'content-encoding': 'gzip' }),
    })
    response.end(request.method === 'HEAD' ? undefined : body)
  }
}

export const htmlAnswer = (body: { readonly text: string }, status = 200) =>
  new Answer(status, 'text/html; charset=utf-8', body.text)

export const jsonAnswer = (body: unknown, status = 200) =>
  new Answer(status, 'application/json', `${JSON.stringify(body)}\n`)

/** Why a question cannot be answered: for whoever asked. */
export class Refusal extends Error {
  constructor(
    readonly status: 400 | 404,
    message: string,
  ) {
    super(message)
  }
}
