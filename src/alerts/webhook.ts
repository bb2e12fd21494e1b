import axios, { AxiosError } from 'axios'
import { followSignals } from '../followSignals.ts'
import type { Alert } from './body.ts'
import { DeliveryError } from './deliveryError.ts'
import type { Format, Webhook } from './receiver.ts'
import { digestOf, type Words, wordsOf } from './wording.ts'

const timeoutMs = 10_000
/** Of a digest, in lines: Discord takes 2,000 characters. */
const digestLines = { slack: 50, discord: 15 }
const discordCharacters = 2_000
/** Statuses that say that the same may be taken later. */
const passing = [408, 425, 429]

/**
 * Posts one alert, or several as one message (not as `json`, which is for machines).
 *
 * @returns what the receiver answered, for people
 * @throws {DeliveryError} without the URL, which is a secret
 */
export async function post(
  { url, format, headers }: Webhook,
  alerts: readonly [Alert, ...Alert[]],
  signal: AbortSignal,
): Promise<string> {
  // The timeout of axios begins anew with each piece of the answer.
  const { signal: ending, release } = followSignals(signal, AbortSignal.timeout(timeoutMs))
  try {
    const { status } = await axios.post(url, JSON.stringify(payload(format, alerts)), {
      headers: {
        'Content-Type': 'application/json',
        'User-Agent': 'webmon',
        // Of the IETF's draft of this name: the same each time that the same is sent.
        'Idempotency-Key': alerts[0].id,
        ...headers,
      },
      signal: ending,
      maxRedirects: 0,
      maxContentLength: 1_000_000,
      proxy: false,
      responseType: 'text',
    })
    return `status ${status}`
  } catch (error) {
    signal.throwIfAborted()
    throw failureOf(error)
  } finally {
    release()
  }
}

function failureOf(error: unknown): unknown {
  if (!(error instanceof AxiosError)) return error
  const { response, code, message } = error
  if (!response) {
    return new DeliveryError(
      code === 'ERR_CANCELED' ? `no answer within ${timeoutMs / 1000} s` : ((message || code) ?? 'no connection'),
    )
  }
  const { status } = response
  const refused = status >= 300 && status < 500 && !passing.includes(status)
  const asked = Number(response.headers['retry-after'])
  return new DeliveryError(`status ${status}`, { refused, ...(asked > 0 && { afterSeconds: asked }) })
}

function payload(format: Format, alerts: readonly [Alert, ...Alert[]]): object {
  if (format === 'json') return documentOf(alerts[0])
  const words = alerts.length === 1 ? wordsOf(alerts[0]) : digestOf(alerts, digestLines[format])
  return format === 'slack' ? { text: slackText(words) } : discordMessage(words)
}

/** The documented form, see docs/alerts.md. */
export function documentOf({ id, kind, subject, created, body }: Alert): object {
  const words = wordsOf({ kind, body })
  return { id, kind, about: subject, created, subject: words.subject, text: words.text, ...body }
}

/** A name such as <!channel> would call everybody: https://api.slack.com/reference/surfaces/formatting#escaping */
function slackText({ text }: Words): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}

function discordMessage({ text }: Words): object {
  const plain = text.replaceAll(/[\\*_~`|>#[\]]/g, '\\$&')
  const content = plain.length > discordCharacters ? `${plain.slice(0, discordCharacters - 4)} ...` : plain
  return { content, allowed_mentions: { parse: [] } }
}
