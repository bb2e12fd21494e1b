import type { Alert } from './body.ts'
import { mail } from './email.ts'
import type { Receiver, Smtp } from './receiver.ts'
import { post } from './webhook.ts'

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
  if (webhook) return await post(webhook, alerts, signal)
  // The configuration has both or none.
  return await mail(smtp as Smtp, email ?? [], alerts, signal)
}

/** Whether people read it, so that many at once are better one message. */
export function isForPeople({ webhook }: Receiver): boolean {
  return webhook?.format !== 'json'
}
