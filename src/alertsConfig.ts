import { formats, type Receiver, type Smtp } from './alerts/receiver.ts'
import type { Values } from './configSource.ts'
import { anyText, boolean, list, type Parser, text, whole, word } from './configValue.ts'

export type AlertsConfig = ReturnType<typeof alerts>

const receiverKeys = ['webhook', 'email', 'format', 'headers', 'tags', 'names', 'repeat', 'monitor'] as const
const securities = ['starttls', 'tls', 'none'] as const

/** The part `alerts` of the configuration. */
export function alerts(values: Values) {
  const names = values.namesBelow('alerts.receivers', receiverKeys)
  const receivers = names.map((name) => receiver(values, name))
  return {
    /** A secret: it holds a token in most cases. */
    heartbeat: values.get('alerts.heartbeat', url, null),
    receivers,
    smtp: smtp(
      values,
      receivers.find(({ email }) => email !== null),
    ),
  }
}

function receiver(values: Values, name: string): Receiver {
  const key = `alerts.receivers.${name}`
  if (!receiverName.parse(name)) values.wrong(key, `expected ${receiverName.expected}`)
  const address = values.get(`${key}.webhook`, url, null)
  const email = values.get(`${key}.email`, list(emailAddress), null)
  const format = values.get(`${key}.format`, word(formats), null)
  const headers = headersOf(values, `${key}.headers`)
  const tags = values.get(`${key}.tags`, list(text), [])
  const patterns = values.get(`${key}.names`, list(text), [])
  const given = [address, email].filter((one) => one?.length)
  if (given.length !== 1) values.wrong(key, 'expected a webhook or an email, one of both')
  else if (email && format !== null) values.wrong(`${key}.format`, 'expected it beside a webhook, not beside an email')
  return {
    name,
    webhook: address ? { url: address, format: format ?? 'json', headers } : null,
    email,
    tags,
    names: patterns,
    repeatSeconds: values.get(`${key}.repeat`, whole(0, 604_800), 0),
    monitor: values.get(`${key}.monitor`, boolean, tags.length === 0 && patterns.length === 0),
  }
}

function headersOf(values: Values, key: string): Record<string, string> {
  const names = values.namesBelow(key)
  const bad = names.find((name) => !/^[\w!#$%&'*+.^`|~-]+$/.test(name))
  if (bad !== undefined) values.wrong(key, 'expected names of headers, each with its value')
  return Object.fromEntries(names.map((name) => [name, values.get(`${key}.${name}`, headerValue, '')]))
}

/** Asked for in any case, so that its keys are known. */
function smtp(values: Values, needed: Receiver | undefined): Smtp | null {
  const host = values.get('alerts.smtp.host', text, null)
  const security = values.get('alerts.smtp.security', word(securities), 'starttls')
  const port = values.get('alerts.smtp.port', whole(1, 65_535), security === 'tls' ? 465 : 587)
  const ca = values.pem('alerts.smtp.cafile')
  const user = values.get('alerts.smtp.user', text, null)
  const password = values.get('alerts.smtp.password', anyText, null)
  const from = values.get('alerts.smtp.from', sender, null)
  if ((user === null) !== (password === null))
    values.missing(`alerts.smtp.${user === null ? 'user' : 'password'}`, 'text; user and password, both or none')
  if (needed && host === null)
    values.missing('alerts.smtp.host', `the mail server, for alerts.receivers.${needed.name}`)
  if (needed && from === null) values.missing('alerts.smtp.from', sender.expected)
  return host === null || from === null ? null : { host, port, security, ca, user, password, from }
}

/** What the environment can name, too. */
const receiverName: Parser<string> = {
  expected: 'a name of small letters, digits and underscores',
  parse: (value) => (/^[a-z][a-z0-9_]*$/.test(value) ? value : undefined),
}

const url: Parser<string> = {
  expected: 'a URL with http:// or https://',
  parse: (value) => (URL.canParse(value) && /^https?:$/.test(new URL(value).protocol) ? value : undefined),
}

const address = /^[^\s@<>,;"]+@[^\s@<>,;"]+$/

const emailAddress: Parser<string> = {
  expected: 'an e-mail address',
  parse: (value) => (address.test(value) ? value : undefined),
}

const sender: Parser<string> = {
  expected: 'the sender, such as webmon@my.example or Webmon <webmon@my.example>',
  parse: (value) => (address.test(/^[^<>\r\n]*<(.*)>$/.exec(value)?.[1] ?? value) ? value : undefined),
}

/** What Node sends without complaint. */
const headerValue: Parser<string> = {
  expected: 'text on one line',
  parse: (value) => (/^[\t\x20-\x7e\x80-\xff]*$/.test(value) ? value : undefined),
}
