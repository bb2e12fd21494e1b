// Before x509, which does not load without it.
import './reflectMetadata.ts'
import { webcrypto } from 'node:crypto'
import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
} from '@peculiar/x509'

/** PEM texts; the key is PKCS #8, not encrypted. */
export interface Certificate {
  readonly cert: string
  readonly key: string
}

export interface CertificateOptions {
  /** Common name. */
  readonly name?: string
  /** Subject alternative names, DNS names and IP addresses; by default localhost, 127.0.0.1 and ::1. */
  readonly hosts?: readonly string[]
  /** By default for a day, and since an hour ago: clocks differ. */
  readonly notBefore?: Date
  readonly notAfter?: Date
  /** Valid until an hour ago. */
  readonly expired?: boolean
}

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const
const hourMs = 3_600_000

/** A certificate authority that lives as long as the test that asks for it. */
export class Authority {
  private constructor(
    /** Its own certificate, for those who are to trust it. */
    readonly cert: string,
    private readonly name: string,
    private readonly keys: webcrypto.CryptoKeyPair,
  ) {}

  static async create(name = 'webmon test authority'): Promise<Authority> {
    const keys = await generateKeys()
    const certificate = await X509CertificateGenerator.createSelfSigned({
      name: `CN=${name}`,
      keys,
      signingAlgorithm: algorithm,
      ...validity({}),
      extensions: [
        new BasicConstraintsExtension(true, undefined, true),
        new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      ],
    })
    return new Authority(certificate.toString('pem'), name, keys)
  }

  /** Fit for a server and for a client. */
  async issue(options: CertificateOptions = {}): Promise<Certificate> {
    const keys = await generateKeys()
    const hosts = options.hosts ?? ['localhost', '127.0.0.1', '::1']
    const certificate = await X509CertificateGenerator.create({
      subject: `CN=${options.name ?? 'localhost'}`,
      issuer: `CN=${this.name}`,
      publicKey: keys.publicKey,
      signingKey: this.keys.privateKey,
      signingAlgorithm: algorithm,
      ...validity(options),
      extensions: [
        new BasicConstraintsExtension(false, undefined, true),
        new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
        new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth, ExtendedKeyUsage.clientAuth]),
        new SubjectAlternativeNameExtension(
          hosts.map((host) => ({ type: /^[\d.]+$|:/.test(host) ? 'ip' : 'dns', value: host })),
        ),
      ],
    })
    return { cert: certificate.toString('pem'), key: await keyPem(keys.privateKey) }
  }
}

function validity({ expired, notBefore, notAfter }: CertificateOptions) {
  const end = notAfter ?? new Date(Date.now() + (expired ? -hourMs : 24 * hourMs))
  return { notBefore: notBefore ?? new Date(Math.min(Date.now(), end.getTime()) - hourMs), notAfter: end }
}

function generateKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
}

async function keyPem(key: webcrypto.CryptoKey): Promise<string> {
  const base64 = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', key)).toString('base64')
  return `-----BEGIN PRIVATE KEY-----\n${base64.replace(/.{64}(?=.)/g, '$&\n')}\n-----END PRIVATE KEY-----\n`
}
