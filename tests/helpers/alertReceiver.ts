import { createServer, type IncomingHttpHeaders, type RequestListener, type ServerResponse } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import { type AddressInfo, Socket } from 'node:net'
import type { Certificate } from '../../local/certificates.ts'

/** What came, whether or not it was answered. */
export interface Received {
  readonly path: string
  readonly headers: IncomingHttpHeaders
  // biome-ignore lint/suspicious/noExplicitAny: each test knows what it sent.
  readonly body: any
  /** The answer was handed to the system before the sender was gone. */
  answered: boolean
}

/** A real HTTP server that takes alerts. */
export class AlertReceiver {
  readonly received: Received[] = []
  /** How it answers: with this status, */
  status = 200
  headers: Record<string, string> = {}
  /** after so long; Infinity: never. */
  delayMs = 0
  readonly #server: ReturnType<typeof createServer | typeof createSecureServer>

  private constructor(private readonly certificate?: Certificate) {
    const take: RequestListener = (request, response) => {
      let text = ''
      request.setEncoding('utf8').on('data', (part: string) => {
        text += part
      })
      request.on('end', () => {
        const { url: path = '', headers } = request
        const received = { path, headers, body: text === '' ? null : JSON.parse(text), answered: false }
        this.received.push(received)
        const answer = () => this.#answer(response, received)
        if (this.delayMs === 0) answer()
        else if (Number.isFinite(this.delayMs)) setTimeout(answer, this.delayMs)
      })
    }
    this.#server = certificate ? createSecureServer(certificate, take) : createServer(take)
  }

  /** @param certificate by HTTPS, with this one */
  static async start(certificate?: Certificate): Promise<AlertReceiver> {
    const receiver = new AlertReceiver(certificate)
    await new Promise<void>((resolve) => receiver.#server.listen(0, '127.0.0.1', resolve))
    return receiver
  }

  get url(): string {
    return `${this.certificate ? 'https' : 'http'}://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /** The kinds that came, in their order. */
  get kinds(): string[] {
    return this.received.map(({ body }) => body.kind)
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  #answer(response: ServerResponse, received: Received): void {
    received.answered = response.socket instanceof Socket && !response.socket.destroyed
    response.writeHead(this.status, this.headers).end('taken')
  }
}
