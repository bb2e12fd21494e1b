import { once } from 'node:events'
import net, { type AddressInfo, type Socket } from 'node:net'

/** https://kafka.apache.org/protocol#protocol_api_keys */
const apiKeys = { fetch: 1, metadata: 3, findCoordinator: 10, heartbeat: 12 } as const

interface Rule {
  readonly kind: keyof typeof apiKeys
  /** The client's id. */
  readonly client: string
  /** Its answer does not come, or its connection is cut. */
  readonly fate: 'unanswered' | 'cut'
}

interface ActiveRule extends Rule {
  /** How many requests it was that it happened to. */
  hits: number
}

/** A proxy in front of a broker that does something to one kind of request. */
export class KafkaProxy {
  readonly #server = net.createServer((client) => this.#accept(client))
  readonly #sockets = new Set<Socket>()
  readonly #rules = new Set<ActiveRule>()
  #targetPort = 0

  /** @returns the port that clients are to connect to */
  async listen(): Promise<number> {
    this.#server.listen(0, '127.0.0.1')
    await once(this.#server, 'listening')
    return (this.#server.address() as AddressInfo).port
  }

  target(port: number): void {
    this.#targetPort = port
  }

  /** From now on, on any connection, until it is ended. */
  rule(rule: Rule): { readonly hits: number; end(): void } {
    const active = { ...rule, hits: 0, end: () => void this.#rules.delete(active) }
    this.#rules.add(active)
    return active
  }

  close(): void {
    this.#server.close()
    for (const socket of this.#sockets) socket.destroy()
  }

  #accept(client: Socket): void {
    const server = net.connect(this.#targetPort, '127.0.0.1')
    const unanswered = new Set<number>()
    this.#forward(client, server, (frame) => {
      const id = frame.toString('utf8', 14, 14 + Math.max(frame.readInt16BE(12), 0))
      const rule = [...this.#rules].find(({ kind, client }) => apiKeys[kind] === frame.readInt16BE(4) && client === id)
      if (rule) rule.hits++
      if (rule?.fate === 'cut') client.destroy()
      else if (rule) unanswered.add(frame.readInt32BE(8))
      return rule?.fate !== 'cut'
    })
    this.#forward(server, client, (frame) => !unanswered.delete(frame.readInt32BE(4)))
  }

  /** A frame is a length in 4 bytes and what follows: of a request kind (2), version (2), id (4), client's id (2 and text). */
  #forward(from: Socket, to: Socket, passes: (frame: Buffer) => boolean): void {
    let rest = Buffer.alloc(0)
    this.#sockets.add(from)
    from.on('data', (data: Buffer) => {
      rest = Buffer.concat([rest, data])
      while (rest.length >= 4 && rest.length >= 4 + rest.readInt32BE(0)) {
        const frame = rest.subarray(0, 4 + rest.readInt32BE(0))
        rest = rest.subarray(frame.length)
        if (passes(frame) && to.writable) to.write(frame)
      }
    })
    from.on('error', () => to.destroy())
    from.on('close', () => {
      to.destroy()
      this.#sockets.delete(from)
    })
  }
}
