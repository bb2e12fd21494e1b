import { createTransport } from 'nodemailer'
import { within } from '../within.ts'
import type { Alert } from './body.ts'
import { DeliveryError } from './deliveryError.ts'
import type { Smtp } from './receiver.ts'
import { digestOf, wordsOf } from './wording.ts'

const stepMs = 10_000
/** All of it: a server may answer each step late. */
const timeoutMs = 30_000
const digestLines = 500

/**
 * Sends one e-mail about one alert, or about several. For each there is a connection of its own: alerts are rare, and a
 * server may close one that waits.
 *
 * @returns what the mail server answered, for people
 * @throws {DeliveryError}
 */
export async function mail(
  smtp: Smtp,
  to: readonly string[],
  alerts: readonly [Alert, ...Alert[]],
  signal: AbortSignal,
): Promise<string> {
  const { host, port, security, ca, user, password } = smtp
  const transport = createTransport({
    host,
    port,
    secure: security === 'tls',
    requireTLS: security === 'starttls',
    ignoreTLS: security === 'none',
    ...(user !== null && password !== null && { auth: { user, pass: password } }),
    ...(ca !== undefined && { tls: { ca } }),
    connectionTimeout: stepMs,
    greetingTimeout: stepMs,
    socketTimeout: stepMs,
    disableFileAccess: true,
    disableUrlAccess: true,
  })
  const { subject, text } = alerts.length === 1 ? wordsOf(alerts[0]) : digestOf(alerts, digestLines)
  const [{ id, subject: about }] = alerts
  const domain = smtp.from.replace(/^.*@/, '').replace(/>$/, '')
  const sending = transport.sendMail({
    from: smtp.from,
    to: [...to],
    subject,
    text: `${text}\n`,
    // The same each time, so that a mail server can drop a repetition; what is about the same thing is one thread.
    messageId: `<${id}@${domain}>`,
    ...(alerts.length === 1 && { references: `<${about}@${domain}>` }),
    headers: { 'Auto-Submitted': 'auto-generated' },
  })
  try {
    const { response } = await within(timeoutMs, abortable(sending, signal))
    return codeOf(response)
  } catch (error) {
    signal.throwIfAborted()
    throw failureOf(error as SmtpError)
  } finally {
    transport.close()
  }
}

interface SmtpError extends Error {
  readonly code?: string
  readonly responseCode?: number
}

/** The server's own words can hold what it was sent: its number says enough. */
function failureOf({ code = '', responseCode, message }: SmtpError): DeliveryError {
  const meanings: Record<string, string> = {
    EAUTH: 'the mail server does not accept user and password',
    EENVELOPE: 'the mail server does not take the sender or a recipient',
    EMESSAGE: 'the mail server does not take the message',
    ETLS: 'no trusted TLS to the mail server',
    ETIMEDOUT: 'no answer of the mail server in time',
  }
  const meaning =
    responseCode === undefined ? (meanings[code] ?? message) : (meanings[code] ?? 'the mail server refuses')
  const number = responseCode === undefined ? '' : ` (${responseCode})`
  return new DeliveryError(`${meaning}${number}`, { refused: (responseCode ?? 0) >= 500 })
}

const codeOf = (response: string) => `answer ${/^\d{3}/.exec(response)?.[0] ?? 'without a number'}`

function abortable<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason)
    signal.addEventListener('abort', abort, { once: true })
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}
