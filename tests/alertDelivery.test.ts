import { createServer } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { freePort } from '../local/ports.ts'
import type { Alert, AlertBody, AlertKind } from '../src/alerts/body.ts'
import { deliver } from '../src/alerts/deliver.ts'
import { DeliveryError } from '../src/alerts/deliveryError.ts'
import type { Receiver, Smtp } from '../src/alerts/receiver.ts'
import { wordsOf } from '../src/alerts/wording.ts'
import { durationText, roughDurationText } from '../src/figures.ts'
import { AlertReceiver } from './helpers/alertReceiver.ts'
import { MailServer } from './helpers/mailServer.ts'

const { signal } = new AbortController()
const website = { id: 'w', name: 'Shop', url: 'https://shop.example/', tags: ['customer'] }
const incident = {
  id: 'i',
  started: '2026-11-24T12:00:00.000Z',
  ended: null,
  seconds: 7_500,
  cause: 'timeout',
  detail: 'no response within 10 s',
  retracted: false,
  closed: null,
}

let number = 0
function alert(body: AlertBody = { website, incident }, kind: AlertKind = 'opened'): Alert {
  const id = `00000000-0000-4000-8000-${String(++number).padStart(12, '0')}`
  return { id, kind, subject: 'i', created: '2026-11-24T12:00:20.000Z', body }
}

const many = (count: number) =>
  Array.from({ length: count }, (_, n) => alert({ website: { ...website, name: `Shop ${n}` }, incident })) as [Alert]

const none = { name: 'ops', webhook: null, email: null, tags: [], names: [], repeatSeconds: 0, monitor: true }

/** Its message, as a DeliveryError. */
async function failure(delivering: Promise<string>): Promise<DeliveryError> {
  const error = await delivering.then(
    (answer) => answer,
    (error: unknown) => error,
  )
  if (!(error instanceof DeliveryError)) throw new Error(`expected a DeliveryError, got ${error}`)
  return error
}

describe('what people read', () => {
  it.each<[AlertKind, AlertBody, string]>([
    ['opened', { website, incident }, 'Shop is unavailable: timeout'],
    ['open', { website, incident }, 'Shop is still unavailable, for 2 h 5 min by now: timeout'],
    ['resolved', { website, incident }, 'Shop is available again, after 2 h 5 min'],
    [
      'resolved',
      { website, incident: { ...incident, retracted: true } },
      'Shop was available after all: a check that came late shows it',
    ],
    [
      'resolved',
      { website, incident: { ...incident, closed: 'removed' } },
      'Shop was removed from the list, and had been unavailable for 2 h 5 min',
    ],
    [
      'certificate',
      { website, certificate: { expires: '2999-01-01T00:00:00.000Z', issuer: 'R13', days: 7 } },
      'The certificate of Shop ends within 7 days',
    ],
    [
      'certificate',
      { website, certificate: { expires: '2020-01-01T00:00:00.000Z', issuer: null, days: 1 } },
      'The certificate of Shop has ended',
    ],
    [
      'monitor',
      { monitor: { since: '2026-11-24T12:00:00.000Z', seconds: 95 } },
      'webmon stores no check entries since 2026-11-24 12:00:00 UTC',
    ],
    ['recovered', { monitor: { since: null, seconds: 95 } }, 'webmon stores check entries again, after 1 min 35 s'],
    ['test', {}, 'A test message of webmon'],
  ])('%s', (kind, body, subject) => {
    const words = wordsOf({ kind, body })
    expect(words.subject).toBe(subject)
    expect(words.text.split('\n')[0]).toBe(subject)
  })

  it('says why, since when and where', () => {
    expect(wordsOf(alert()).text).toBe(
      [
        'Shop is unavailable: timeout',
        'Cause: timeout: no response within 10 s.',
        'It began at 2026-11-24 12:00:00 UTC.',
        'https://shop.example/',
        'Tags: customer',
      ].join('\n'),
    )
  })

  it('is one line where it should be, whatever a name holds', () => {
    const { subject } = wordsOf(alert({ website: { ...website, name: 'a\r\nBcc: all@my.example' }, incident }))
    expect(subject).toBe('a Bcc: all@my.example is unavailable: timeout')
  })

  it.each([
    [0, '0 s', '0 s'],
    [59.6, '1 min', '59 s'],
    [754, '12 min 34 s', '12 min'],
    [3_601, '1 h', '1 h'],
    [90_000, '1 d 1 h', '1 d 1 h'],
    [100_000_000, '1157 d 9 h', '1157 d'],
  ])('%d seconds are %s, or on a page that lives on %s', (seconds, text, rough) => {
    expect(durationText(seconds * 1_000)).toBe(text)
    expect(roughDurationText(seconds * 1_000)).toBe(rough)
  })
})

describe('a webhook', () => {
  let server: AlertReceiver
  beforeEach(async () => {
    server = await AlertReceiver.start()
  })
  afterEach(() => server.stop())

  const to = (format: 'json' | 'slack' | 'discord', headers = {}): Receiver => ({
    ...none,
    webhook: { url: `${server.url}/token?secret`, format, headers },
  })

  it('gets the facts, the words, the id and the headers of the configuration', async () => {
    const one = alert()
    expect(await deliver(to('json', { 'X-Token': 'secret' }), null, [one], signal)).toBe('status 200')
    const [{ path, headers, body }] = server.received as [(typeof server.received)[0]]
    expect(path).toBe('/token?secret')
    expect(headers).toMatchObject({ 'x-token': 'secret', 'idempotency-key': one.id })
    expect(headers['content-type']).toBe('application/json')
    expect(body).toEqual({
      id: one.id,
      kind: 'opened',
      about: 'i',
      created: one.created,
      subject: 'Shop is unavailable: timeout',
      text: wordsOf(one).text,
      website,
      incident,
    })
  })

  it('of Slack gets text in which a name calls nobody', async () => {
    await deliver(to('slack'), null, [alert({ website: { ...website, name: '<!channel> & Co' }, incident })], signal)
    expect(server.received[0]?.body.text).toMatch(/^&lt;!channel&gt; &amp; Co is unavailable: timeout\n/)
  })

  it('of Discord gets content in which a name calls nobody, within its limit', async () => {
    await deliver(to('discord'), null, [alert({ website: { ...website, name: '@everyone *x*' }, incident })], signal)
    const [{ body }] = server.received as [(typeof server.received)[0]]
    expect(body.content).toMatch(/^@everyone \\\*x\\\* is unavailable: timeout\n/)
    expect(body.allowed_mentions).toEqual({ parse: [] })
    await deliver(to('discord'), null, [alert({ website: { ...website, name: 'x'.repeat(5_000) }, incident })], signal)
    expect(server.received[1]?.body.content.length).toBeLessThanOrEqual(2_000)
  })

  it('of a chat gets many as one: how many of what, and the first by name', async () => {
    await deliver(to('slack'), null, many(1_000), signal)
    const lines = server.received[0]?.body.text.split('\n')
    expect(lines).toHaveLength(52)
    expect([lines[0], lines[1], lines[51]]).toEqual([
      '1000 alerts: 1000 unavailable',
      'Shop 0 is unavailable: timeout',
      'and 950 more',
    ])
    await deliver(to('discord'), null, many(1_000), signal)
    expect(server.received[1]?.body.content.length).toBeLessThanOrEqual(2_000)
  })

  it.each([
    [500, false],
    [503, false],
    [408, false],
    [429, false],
    [301, true],
    [404, true],
    [410, true],
  ])('that answers %d has not taken it; refused: %s', async (status, refused) => {
    server.status = status
    server.headers = { location: `${server.url}/elsewhere` }
    expect(await failure(deliver(to('json'), null, [alert()], signal))).toMatchObject({
      message: `status ${status}`,
      refused,
    })
    // Not followed.
    expect(server.received).toHaveLength(1)
  })

  it('is asked again when it wants to be', async () => {
    server.status = 429
    server.headers = { 'retry-after': '77' }
    expect(await failure(deliver(to('slack'), null, [alert()], signal))).toMatchObject({ afterSeconds: 77 })
  })

  it('that does not answer is given up after 10 s, also when it answers drop by drop', async () => {
    server.delayMs = Number.POSITIVE_INFINITY
    const drops = createServer((socket) => {
      socket.on('error', () => undefined)
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n')
      const timer = setInterval(() => socket.write('x'), 500)
      socket.on('close', () => clearInterval(timer))
    })
    const port = await freePort()
    await new Promise<void>((resolve) => drops.listen(port, '127.0.0.1', resolve))
    const dropping = { ...none, webhook: { url: `http://127.0.0.1:${port}/`, format: 'json' as const, headers: {} } }
    try {
      const failures = await Promise.all(
        [to('json'), dropping].map((receiver) => failure(deliver(receiver, null, [alert()], signal))),
      )
      for (const { message, refused } of failures) {
        expect(message).toBe('no answer within 10 s')
        expect(refused).toBe(false)
      }
    } finally {
      drops.close()
    }
  })

  it('that is not there shows no more than its address', async () => {
    const port = await freePort()
    const webhook = { url: `http://me:secret@127.0.0.1:${port}/token`, format: 'json' as const, headers: {} }
    const { message } = await failure(deliver({ ...none, webhook }, null, [alert()], signal))
    expect(message).toBe(`connect ECONNREFUSED 127.0.0.1:${port}`)
  })

  it('is given up at once at the end of the process', async () => {
    server.delayMs = Number.POSITIVE_INFINITY
    const ending = new AbortController()
    const delivering = deliver(to('json'), null, [alert()], ending.signal)
    setTimeout(() => ending.abort(new Error('the end')), 50)
    await expect(delivering).rejects.toThrow('the end')
  })
})

describe('an e-mail', () => {
  let server: MailServer
  afterEach(() => server.stop())

  const smtp = (more: Partial<Smtp> = {}): Smtp => ({
    host: '127.0.0.1',
    port: server.port,
    security: 'starttls',
    ca: server.ca,
    user: 'webmon',
    password: 'right',
    from: 'Webmon <webmon@my.example>',
    ...more,
  })
  const to: Receiver = { ...none, email: ['ops@my.example', 'boss@my.example'] }

  it('is sent through STARTTLS, with the words of the alert', async () => {
    server = await MailServer.start()
    const one = alert()
    expect(await deliver(to, smtp(), [one], signal)).toBe('answer 250')
    const [mail] = server.mails
    expect(mail).toMatchObject({ from: 'webmon@my.example', to: ['ops@my.example', 'boss@my.example'], secure: true })
    const { source } = mail as (typeof server.mails)[0]
    expect(source).toContain('Subject: Shop is unavailable: timeout\r\n')
    expect(source).toContain('From: Webmon <webmon@my.example>\r\n')
    expect(source).toContain(`Message-ID: <${one.id}@my.example>\r\n`)
    expect(source).toContain('References: <i@my.example>\r\n')
    expect(source).toContain('\r\nCause: timeout: no response within 10 s.\r\n')
  })

  it('about many is one', async () => {
    server = await MailServer.start()
    await deliver(to, smtp(), many(600), signal)
    expect(server.mails).toHaveLength(1)
    expect(server.mails[0]?.source).toContain('Subject: 600 alerts: 600 unavailable\r\n')
    expect(server.mails[0]?.source).toContain('Shop 499 is unavailable: timeout\r\nand 100 more\r\n')
  })

  it('is not sent where STARTTLS is missing, unless the configuration wants no TLS', async () => {
    server = await MailServer.start({ security: 'none' })
    const { message } = await failure(deliver(to, smtp({ user: null, password: null }), [alert()], signal))
    expect(message).toMatch(/^no trusted TLS to the mail server/)
    expect(server.mails).toHaveLength(0)
    await deliver(to, smtp({ security: 'none', user: null, password: null }), [alert()], signal)
    expect(server.mails[0]?.secure).toBe(false)
  })

  it('is sent with TLS from the first byte on', async () => {
    server = await MailServer.start({ security: 'tls' })
    expect(await deliver(to, smtp({ security: 'tls' }), [alert()], signal)).toBe('answer 250')
    expect(server.mails).toMatchObject([{ from: 'webmon@my.example', secure: true }])
  })

  it.each(['starttls', 'tls'] as const)('is not sent to whom no authority knows, with %s', async (security) => {
    server = await MailServer.start({ security })
    const { message, refused } = await failure(deliver(to, smtp({ security, ca: undefined }), [alert()], signal))
    expect(message).toMatch(/certificate|TLS/)
    expect(refused).toBe(false)
    expect(server.mails).toHaveLength(0)
  })

  it('that the server refuses says so, and shows neither password nor what the server said', async () => {
    server = await MailServer.start()
    const wrong = await failure(deliver(to, smtp({ password: 'hunter2' }), [alert()], signal))
    expect(wrong).toMatchObject({
      message: 'the mail server does not accept user and password (535)',
      refused: true,
    })
    const nobody = await failure(deliver({ ...to, email: ['nobody@my.example'] }, smtp(), [alert()], signal))
    expect(nobody).toMatchObject({
      message: 'the mail server does not take the sender or a recipient (550)',
      refused: true,
    })
  })

  it('to a server that is not there says so', async () => {
    server = await MailServer.start()
    const port = await freePort()
    const { message, refused } = await failure(deliver(to, smtp({ port }), [alert()], signal))
    expect(message).toBe(`connect ECONNREFUSED 127.0.0.1:${port}`)
    expect(refused).toBe(false)
  })
})
