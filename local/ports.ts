import { createServer } from 'node:net'

/**
 * Free ports of 127.0.0.1, below the range (32768 and up on Linux) from which systems take the ports of outgoing
 * connections. From inside that range, the port of a server that is down for a moment could be taken by any
 * connection, even by the one of a client that tries to reach this server: on loopback that one talks to itself.
 */
const lowest = 20_000
const highest = 32_000

/** @param wanted taken when it is free */
export async function freePort(wanted?: number): Promise<number> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const port = attempt === 0 && wanted ? wanted : lowest + Math.floor(Math.random() * (highest - lowest))
    if (!given.has(port) && (await isFree(port))) {
      given.add(port)
      return port
    }
  }
  throw new Error(`no free port between ${lowest} and ${highest} of 127.0.0.1`)
}

/** Nobody listens yet on a port that was just given: a second caller must not get it too. */
const given = new Set<number>()

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}
