import { once } from 'node:events'
import net, { type AddressInfo, type Socket } from 'node:net'

/** https://kafka.apache.org/protocol#protocol_api_keys */
export const apiKeys = { fetch: 1, heartbeat: 12 } as const

/** A proxy in front of a broker that can keep the answers to one kind of request to itself. */
export class KafkaProxy {
  readonly #server = net.createServer((client) => this.#accept(client))
  readonly #sockets = new Set<Socket>()
  #targetPort = 0
  #keeps: (kind: number, clientId: string) => boolean = () => false

  /** @returns the port that clients are to connect to */
  async listen(): Promise<number> {
    this.#server.listen(0, '127.0.0.1')
    await once(this.#server, 'listening')
    return (this.#server.address() as AddressInfo).port
  }

  target(port: number): void {
    this.#targetPort = port
  }

  /** From now on these answers do not come, on any connection of a client with this id. */
  keep(kind: keyof typeof apiKeys, client: string): void {
    const keptBefore = this.#keeps
    this.#keeps = (key, clientId) => (key === apiKeys[kind] && clientId === client) || keptBefore(key, clientId)
  }

  close(): void {
    this.#server.close()
    for (const socket of this.#sockets) socket.destroy()
  }

  #accept(client: Socket): void {
    const server = net.connect(this.#targetPort, '127.0.0.1')
    const kept = new Set<number>()
    this.#forward(client, server, (frame) => {
      const clientId = frame.toString('utf8', 14, 14 + Math.max(frame.readInt16BE(12), 0))
      if (this.#keeps(frame.readInt16BE(4), clientId)) kept.add(frame.readInt32BE(8))
      return true
    })
    this.#forward(server, client, (frame) => !kept.delete(frame.readInt32BE(4)))
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
