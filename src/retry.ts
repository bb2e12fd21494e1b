import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from './logger.ts'

/** An error that no waiting mends: it passes through `retry` at once, and ends the process with its one line. */
export class FatalError extends Error {}

export interface RetryOptions {
  readonly signal: AbortSignal
  readonly logger: Logger
  /** Milliseconds before the second attempt; each further wait doubles, up to `maxDelayMs`. */
  readonly delayMs?: number
  readonly maxDelayMs?: number
}

/**
 * Repeats an action until it succeeds, with growing pauses, and tells of it.
 * A quarter of each pause is random, so that services which lost the same server do not come back at once.
 *
 * @param what for the log line: "<what> failed: <message>; trying again in 2.0 s"
 * @throws {FatalError} from the action at once; the signal's reason when it is aborted
 */
export async function retry<T>(what: string, action: () => Promise<T>, options: RetryOptions): Promise<T> {
  const { signal, logger, delayMs = 500, maxDelayMs = 10_000 } = options
  for (let attempt = 1, delay = delayMs; ; attempt++, delay = Math.min(delay * 2, maxDelayMs)) {
    signal.throwIfAborted()
    try {
      return await action()
    } catch (error) {
      if (error instanceof FatalError || signal.aborted) throw error
      const pause = Math.round(delay * (0.75 + Math.random() / 4))
      const failure = `${what} failed: ${messageOf(error)}`
      logger.warn({ attempt, repeats: failure }, `${failure}; trying again in ${pause / 1000} s`)
      await sleep(pause, undefined, { signal })
    }
  }
}

/** The message of an error; of several in one (Node's connect to a name with two addresses, kafkajs), the first's. */
export function messageOf(error: unknown): string {
  const [inner] = (error as { errors?: unknown[] } | undefined)?.errors ?? []
  if (inner !== undefined) return messageOf(inner)
  return error instanceof Error ? error.message || error.name : String(error)
}
