/** Basic authentication, RFC 7617. */
import { createHash, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { HttpConfig } from './config.ts'

export const loginHeaders = { 'www-authenticate': 'Basic realm="webmon", charset="UTF-8"' }

/** Takes the same time however much of it is right. */
export function isLoggedIn({ headers }: IncomingMessage, login: NonNullable<HttpConfig['login']>): boolean {
  const [, given] = /^Basic +([\w+/=-]+) *$/i.exec(headers.authorization ?? '') ?? []
  const wanted = Buffer.from(`${login.user}:${login.password}`)
  return timingSafeEqual(digest(Buffer.from(given ?? '', 'base64')), digest(wanted)) && given !== undefined
}

/** timingSafeEqual needs two of one length. */
const digest = (bytes: Buffer) => createHash('sha256').update(bytes).digest()
