import type { Alert } from './body.ts'
import type { Receiver, Smtp } from './receiver.ts'

/**
 * Sends one alert to a receiver, or several as one message.
 *
 * @returns what was answered, for people
 * @throws {DeliveryError} what went wrong; the signal's reason when it is aborted
 */
export async function deliver(
  { webhook, email }: Receiver,
  smtp: Smtp | null,
  alerts: readonly [Alert, ...Alert[]],
  signal: AbortSignal,
): Promise<string> {
  // Read when they are needed: together they take 30 MB, and most consumers have no receivers.
  if (webhook) {
    const { post } = await import('./webhook.ts')
    return await post(webhook, alerts, signal)
  }
  const { mail } = await import('./email.ts')
  // The configuration has both or none.
  return await mail(smtp as Smtp, email ?? [], alerts, signal)
}

/** Whether people read it, so that many at once are better one message. */
export function isForPeople({ webhook }: Receiver): boolean {
  return webhook?.format !== 'json'
}
