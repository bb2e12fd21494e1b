import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { readConfig } from '../src/config.ts'

const folder = mkdtempSync(path.join(tmpdir(), 'webmon-config-'))
afterAll(() => rmSync(folder, { recursive: true }))
const file = path.join(folder, 'config.yaml')

const needed = `
kafka: { server: a, port: 1, topic: t, consumer: { group: g } }
database: { host: a, port: 1, db: d, user: u, password: p }
`

function read(alerts: string, env: Record<string, string> = {}) {
  const indented = alerts.replaceAll(/^(?=.)/gm, '  ')
  writeFileSync(file, `${needed}${alerts && `alerts:\n${indented}\n`}`, { mode: 0o600 })
  const { config, warnings } = readConfig({ ...env, WEBMON_CONFIG_FILE: file })
  expect(warnings).toEqual([])
  return config.alerts
}

function problem(alerts: string, env: Record<string, string> = {}): string {
  try {
    read(alerts, env)
  } catch (error) {
    return (error as Error).message.replaceAll(file, 'config.yaml')
  }
  throw new Error('expected a ConfigError')
}

const smtp = 'smtp: { host: mail.example, from: webmon@my.example }'

describe('alerts', () => {
  it('are told to nobody by default', () => {
    for (const nothing of ['', 'receivers:', 'receivers: {}'])
      expect(read(nothing)).toEqual({ heartbeat: null, receivers: [], smtp: null })
  })

  it('are told to as many receivers as there are', () => {
    const alerts = read(`heartbeat: https://beat.example/token
receivers:
  ops:
    webhook: https://hooks.example/token
    format: slack
    headers: { X-Token: abc, Authorization: Bearer x }
    repeat: 3600
  on_call:
    email: [a@my.example, b@my.example]
    tags: [customer, shop]
    names: ['Shop *']
smtp:
  host: mail.example
  user: webmon
  password: secret
  from: Webmon <webmon@my.example>`)
    expect(alerts).toEqual({
      heartbeat: 'https://beat.example/token',
      receivers: [
        {
          name: 'ops',
          webhook: {
            url: 'https://hooks.example/token',
            format: 'slack',
            headers: { 'X-Token': 'abc', Authorization: 'Bearer x' },
          },
          email: null,
          tags: [],
          names: [],
          repeatSeconds: 3_600,
          monitor: true,
        },
        {
          name: 'on_call',
          webhook: null,
          email: ['a@my.example', 'b@my.example'],
          tags: ['customer', 'shop'],
          names: ['Shop *'],
          repeatSeconds: 0,
          monitor: false,
        },
      ],
      smtp: {
        host: 'mail.example',
        port: 587,
        security: 'starttls',
        ca: undefined,
        user: 'webmon',
        password: 'secret',
        from: 'Webmon <webmon@my.example>',
      },
    })
    expect(read(`receivers: { a: { email: a@b } }\nsmtp: { host: h, from: a@b, security: tls }`).smtp?.port).toBe(465)
  })

  it('can come from the environment, as a whole or value by value', () => {
    const secret = path.join(folder, 'url')
    writeFileSync(secret, 'https://hooks.example/from-file\n', { mode: 0o600 })
    const alerts = read('receivers:\n  ops: { format: slack, headers: { X-Token: old, X-Other: kept } }', {
      WEBMON_ALERTS_RECEIVERS_OPS_WEBHOOK_FILE: secret,
      WEBMON_ALERTS_RECEIVERS_OPS_HEADERS_X_TOKEN: 'new',
      WEBMON_ALERTS_RECEIVERS_OPS_HEADERS_X_MORE: 'more',
      WEBMON_ALERTS_RECEIVERS_ON_CALL_WEBHOOK: 'http://127.0.0.1/',
      WEBMON_ALERTS_RECEIVERS_ON_CALL_TAGS: 'a, b',
      WEBMON_ALERTS_RECEIVERS_NOBODY_WEBHOOK: '',
    })
    expect(alerts.receivers.map(({ name, webhook, tags }) => ({ name, webhook, tags }))).toEqual([
      {
        name: 'ops',
        webhook: {
          url: 'https://hooks.example/from-file',
          format: 'slack',
          headers: { 'X-Token': 'new', 'X-Other': 'kept', 'x-more': 'more' },
        },
        tags: [],
      },
      { name: 'on_call', webhook: { url: 'http://127.0.0.1/', format: 'json', headers: {} }, tags: ['a', 'b'] },
    ])
  })

  it.each([
    ['receivers: { ops: { format: slack } }', 'receivers.ops: expected a webhook or an email, one of both'],
    [
      `receivers: { ops: { webhook: 'http://a/', email: a@b } }\n${smtp}`,
      'receivers.ops: expected a webhook or an email, one of both',
    ],
    [`receivers: { ops: { email: [] } }\n${smtp}`, 'receivers.ops: expected a webhook or an email, one of both'],
    [
      `receivers: { ops: { email: a@b, format: json } }\n${smtp}`,
      'receivers.ops.format: expected it beside a webhook, not beside an email',
    ],
    [
      'receivers: { Ops: { webhook: http://a/ } }',
      'receivers.Ops: expected a name of small letters, digits and underscores',
    ],
    [
      'receivers: { ops: { webhook: s3cret } }',
      'receivers.ops.webhook: hidden: expected a URL with http:// or https://',
    ],
    ['heartbeat: s3cret', 'heartbeat: hidden: expected a URL with http:// or https://'],
    [
      'receivers: { ops: { webhook: http://a/, headers: { X-Token: "s3\\ncret" } } }',
      'receivers.ops.headers.X-Token: hidden: expected text on one line',
    ],
    [
      'receivers: { ops: { webhook: http://a/, headers: { "X Token": s3cret } } }',
      'receivers.ops.headers: expected names of headers, each with its value',
    ],
    [
      'receivers: { ops: { webhook: http://a/, format: teams } }',
      'receivers.ops.format: "teams": expected one of json, slack, discord',
    ],
    [
      'receivers: { ops: { webhok: http://a/ } }',
      'receivers.ops.webhok: unknown key; did you mean alerts.receivers.ops.webhook?',
    ],
    [
      'receivers: { ops: { email: a@b } }',
      'smtp.host: missing: expected the mail server, for alerts.receivers.ops; add it, or set WEBMON_ALERTS_SMTP_HOST',
    ],
    [
      'receivers: { ops: { email: a@b } }\nsmtp: { host: h }',
      'smtp.from: missing: expected the sender, such as webmon@my.example or Webmon <webmon@my.example>; add it, or set WEBMON_ALERTS_SMTP_FROM',
    ],
    [
      'smtp: { host: h, from: a@b, user: u }',
      'smtp.password: missing: expected text; user and password, both or none; add it, or set WEBMON_ALERTS_SMTP_PASSWORD',
    ],
  ])('that are wrongly configured are told in one line without secrets: %s', (alerts, expected) => {
    expect(problem(alerts)).toBe(`config.yaml: alerts.${expected}`)
  })
})
