import { once } from 'node:events'
import net, { type AddressInfo, type Socket } from 'node:net'

const noticedAfterMs = 90_000

/** A TCP proxy between a service and a server, which can cut connections, delay them, and stand still. */
export class TcpProxy {
  readonly #server = net.createServer({ pauseOnConnect: true }, (client) => this.#accept(client))
  readonly #pairs = new Set<[Socket, Socket]>()
  readonly #forgotten = new Set<[Socket, Socket]>()
  /** Those of which a piece is on its way: what comes after it must not overtake it. */
  readonly #delayed = new Set<Socket>()
  #delayMs = 0
  #frozen = false
  #targetPort = 0

  /** @returns the port that the service is to connect to */
  async listen(): Promise<number> {
    this.#server.listen(0, '127.0.0.1')
    await once(this.#server, 'listening')
    return (this.#server.address() as AddressInfo).port
  }

  target(port: number): void {
    this.#targetPort = port
  }

  /** Resets each connection that `chosen` picks. @returns how many it were */
  cut(chosen: () => boolean): number {
    const pairs = [...this.#pairs].filter(chosen)
    for (const pair of pairs) for (const socket of pair) socket.resetAndDestroy()
    return pairs.length
  }

  /** From now on each piece of data takes so many milliseconds longer. */
  delay(ms: number): void {
    this.#delayMs = ms
  }

  /** Nothing goes through, and nobody is told. */
  freeze(): void {
    this.#frozen = true
    for (const pair of this.#pairs) for (const socket of pair) socket.pause()
  }

  thaw(): void {
    this.#frozen = false
    for (const socket of [...this.#pairs].flat()) if (!this.#delayed.has(socket)) socket.resume()
  }

  /**
   * Of the connections that are there no end hears of the other again, nor of its end; new ones are as good as ever: a
   * firewall was started again. A server finds out after a while, and does not run out of connections.
   */
  forget(): void {
    const pairs = [...this.#pairs]
    for (const pair of pairs) this.#forgotten.add(pair)
    this.#pairs.clear()
    setTimeout(() => {
      for (const socket of pairs.flat()) socket.destroy()
    }, noticedAfterMs).unref()
  }

  close(): void {
    for (const pair of [...this.#pairs, ...this.#forgotten]) for (const socket of pair) socket.resetAndDestroy()
    this.#server.close()
  }

  #accept(client: Socket): void {
    const server = net.connect(this.#targetPort, '127.0.0.1')
    const pair: [Socket, Socket] = [client, server]
    this.#pairs.add(pair)
    for (const [from, to] of [pair, [server, client]] as const) {
      const unlessForgotten = (tell: () => void) => this.#forgotten.has(pair) || tell()
      from.on('data', (data) => unlessForgotten(() => this.#pass(data, from, to)))
      from.on('end', () => unlessForgotten(() => to.end()))
      from.on('error', () => unlessForgotten(() => to.destroy()))
      from.on('close', () => {
        unlessForgotten(() => to.destroy())
        this.#pairs.delete(pair)
      })
    }
    if (!this.#frozen) client.resume()
  }

  #pass(data: Buffer, from: Socket, to: Socket): void {
    if (this.#delayMs === 0) {
      if (to.writable) to.write(data)
      return
    }
    from.pause()
    this.#delayed.add(from)
    setTimeout(() => {
      this.#delayed.delete(from)
      if (to.writable) to.write(data)
      if (!this.#frozen) from.resume()
    }, this.#delayMs)
  }
}
