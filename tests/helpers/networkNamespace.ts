import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'

/** A network of its own with one web server, which this machine reaches by a cable that can be pulled. */
export interface NetworkNamespace {
  /** Answers 200, but 503 to /down once it is asked for /break. */
  readonly url: string
  pull(): void
  plug(): void
  stop(): Promise<void>
}

const name = `webmon-${process.pid}`
const [near, far] = [`wm${process.pid}a`, `wm${process.pid}b`]
/** A network for documentation (RFC 5737): nobody's. */
const [nearAddress, farAddress] = ['198.51.100.1', '198.51.100.2']
const ip = (...args: string[]) => execFileSync('ip', args, { stdio: 'pipe' })

/** For root, on Linux with iproute2. */
export async function startNetworkNamespace(): Promise<NetworkNamespace> {
  ip('netns', 'add', name)
  ip('link', 'add', near, 'type', 'veth', 'peer', 'name', far, 'netns', name)
  ip('address', 'add', `${nearAddress}/30`, 'dev', near)
  ip('-n', name, 'address', 'add', `${farAddress}/30`, 'dev', far)
  const set = (state: 'up' | 'down') => ip('-n', name, 'link', 'set', far, state)
  ip('link', 'set', near, 'up')
  set('up')
  const server = spawn('ip', ['netns', 'exec', name, process.execPath, '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  await once(createInterface({ input: server.stdout }), 'line')
  return {
    url: `http://${farAddress}:8080`,
    pull: () => set('down'),
    plug: () => set('up'),
    async stop() {
      const closed = once(server, 'close')
      server.kill('SIGKILL')
      await closed
      ip('netns', 'delete', name)
    },
  }
}

const program = `
  let broken = false
  require('node:http')
    .createServer((request, response) => {
      if (request.url === '/break') broken = true
      response.writeHead(broken && request.url === '/down' ? 503 : 200).end()
    })
    .listen(8080, '${farAddress}', () => console.log('listening'))`

/** Whether this is a place where they can be made. */
export const networkNamespaces = (() => {
  try {
    ip('netns', 'add', `${name}-try`)
    ip('netns', 'delete', `${name}-try`)
    return true
  } catch {
    return false
  }
})()
