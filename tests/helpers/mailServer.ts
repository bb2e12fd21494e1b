import type { AddressInfo } from 'node:net'
import { SMTPServer } from 'smtp-server'
import { Authority } from '../../local/certificates.ts'
import type { Smtp } from '../../src/alerts/receiver.ts'

export interface Mail {
  readonly from: string
  readonly to: readonly string[]
  /** Headers and text as they came. */
  readonly source: string
  readonly secure: boolean
}

export interface MailServerOptions {
  readonly security?: Smtp['security']
  readonly user?: string
  readonly password?: string
}

/** A real SMTP server. */
export class MailServer {
  readonly mails: Mail[] = []

  /** @param security what it offers, with a certificate of an authority of its own */
  static async start({
    security = 'starttls',
    user = 'webmon',
    password = 'right',
  }: MailServerOptions = {}): Promise<MailServer> {
    const authority = await Authority.create()
    const { cert, key } = await authority.issue()
    const mails: Mail[] = []
    const server = new SMTPServer({
      cert,
      key,
      secure: security === 'tls',
      authOptional: true,
      disabledCommands: security === 'starttls' ? [] : ['STARTTLS'],
      onAuth({ username, password: given }, _session, callback) {
        if (username === user && given === password) callback(null, { user })
        else callback(Object.assign(new Error(`no such user ${username} ${given}`), { responseCode: 535 }))
      },
      onRcptTo({ address }, _session, callback) {
        if (address.startsWith('nobody')) callback(Object.assign(new Error('no such mailbox'), { responseCode: 550 }))
        else callback()
      },
      onData(stream, { envelope, secure }, callback) {
        let source = ''
        stream.setEncoding('utf8').on('data', (part: string) => {
          source += part
        })
        stream.on('end', () => {
          const from = envelope.mailFrom ? envelope.mailFrom.address : ''
          mails.push({ from, to: envelope.rcptTo.map(({ address }) => address), source, secure })
          callback()
        })
      },
    })
    server.on('error', () => undefined)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()))
    return new MailServer(server, authority.cert, mails)
  }

  private constructor(
    private readonly server: SMTPServer,
    /** PEM. */
    readonly ca: string,
    mails: Mail[],
  ) {
    this.mails = mails
  }

  get port(): number {
    return (this.server.server.address() as AddressInfo).port
  }

  stop(): Promise<void> {
    return new Promise((resolve) => this.server.close(() => resolve()))
  }
}
