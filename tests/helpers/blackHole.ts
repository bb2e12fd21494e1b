/** A port that neither takes connections nor refuses them, as behind a firewall that drops: `startBlackHole`. */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import net, { type AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

export interface BlackHole {
  readonly port: number
  stop(): Promise<void>
}

/** A process listens and stands still; once the kernel's queue of connections is full, it drops those that come. */
export async function startBlackHole(): Promise<BlackHole> {
  const child = fork(fileURLToPath(import.meta.url), ['listen'], { execArgv: ['--import', 'tsx'] })
  const [port] = (await once(child, 'message')) as [number]
  const fillers: net.Socket[] = []
  for (;;) {
    const filler = net.connect(port, '127.0.0.1').on('error', () => undefined)
    fillers.push(filler)
    if ((await Promise.race([once(filler, 'connect'), sleep(200)])) === undefined) break
    if (fillers.length > 100) throw new Error('the queue of connections does not become full')
  }
  return {
    port,
    async stop() {
      for (const filler of fillers) filler.destroy()
      const closed = once(child, 'close')
      child.kill('SIGKILL')
      await closed
    },
  }
}

if (process.argv[2] === 'listen') {
  const server = net.createServer()
  server.listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
    process.send?.((server.address() as AddressInfo).port, () => {
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
    })
  })
}
