import net from 'node:net'
import type { Cancellation } from './cancellation.ts'
import type { Address } from './dns/resolver.ts'
import { Failure } from './failure.ts'

/** RFC 8305, 5: "Connection Attempt Delay". */
const nextAttemptMs = 250

/**
 * Connects to the first of the addresses that answers: one after the other, the next one as soon as one has failed or
 * has not answered for 250 ms (happy eyeballs, RFC 8305). Unlike Node's own, an attempt that was overtaken goes on, so
 * that a slow network is no failure.
 *
 * @throws {Failure} refused or unreachable, when all have failed; the reason of the cancellation
 */
export function connect(addresses: readonly Address[], port: number, cancellation: Cancellation): Promise<net.Socket> {
  return new Promise((resolve, reject) => {
    const open = new Set<net.Socket>()
    let next = 0
    let timer: NodeJS.Timeout | undefined
    let firstError: NodeJS.ErrnoException | undefined

    const settle = (winner?: net.Socket) => {
      clearTimeout(timer)
      open.delete(winner as net.Socket)
      for (const socket of open) socket.destroy()
    }
    const attempt = () => {
      const address = addresses[next++]
      if (address === undefined) return
      const socket = net.connect({
        host: address.address,
        port,
        family: address.family,
        autoSelectFamily: false,
      })
      open.add(socket)
      const failed = (error: NodeJS.ErrnoException) => {
        open.delete(socket)
        firstError ??= error
        if (next < addresses.length) {
          clearTimeout(timer)
          attempt()
        } else if (open.size === 0) {
          settle()
          reject(connectFailure(firstError, addresses[0] as Address, port))
        }
      }
      socket.once('error', failed)
      socket.once('connect', () => {
        settle(socket)
        socket.off('error', failed)
        // Whoever speaks over it listens for itself; an error that comes between two phases must not end the process.
        socket.on('error', () => undefined)
        resolve(socket)
      })
      if (next < addresses.length) timer = setTimeout(attempt, nextAttemptMs)
    }
    cancellation.begin((reason) => {
      settle()
      reject(reason)
    })
    attempt()
  })
}

function connectFailure(error: NodeJS.ErrnoException, { address, family }: Address, port: number): Failure {
  const where = `${family === 6 ? `[${address}]` : address}:${port}`
  switch (error.code) {
    case 'ECONNREFUSED':
      return new Failure('refused', `Connect: refused by ${where}`)
    case 'ECONNRESET':
      return new Failure('reset', `Connect: reset by ${where}`)
    case 'EMFILE':
    case 'ENFILE':
      return new Failure('internal', 'Connect: webmon may open no more files: raise its limit (ulimit -n)')
    default:
      return new Failure('unreachable', `Connect: no way to ${where} (${error.code})`)
  }
}
