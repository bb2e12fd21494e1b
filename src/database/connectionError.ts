import type { DatabaseConfig } from '../config.ts'
import { type Finding, wrong } from '../finding.ts'
import { messageOf } from '../retry.ts'

/** OpenSSL's and Node's words for a certificate that is not trusted. */
const untrusted = /SELF_SIGNED|UNABLE_TO_(VERIFY|GET)|CERT_(HAS_EXPIRED|NOT_YET|UNTRUSTED|SIGNATURE)/

/** Why the database cannot be used, and what to do. Its password is in none of the words. */
export function describeConnectionError(error: unknown, config: DatabaseConfig): Finding {
  const { host, port, db, user, sslMode } = config
  const { code = '' } = ((error as { errors?: unknown[] }).errors?.[0] ?? error) as { code?: string }
  const message = messageOf(error)
  const at = `${host}:${port}`
  const say = (what: string, advice: string) => wrong('database', what, advice)
  switch (code) {
    case 'ECONNREFUSED':
      return say(`nothing listens at ${at}`, 'start PostgreSQL, or correct database.host and database.port')
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return say(`the name ${host} does not resolve (${code})`, 'correct database.host, or the name server')
    case '28P01':
      return say(`wrong password for ${user} at ${at}`, 'correct database.password, or WEBMON_DATABASE_PASSWORD(_FILE)')
    case '28000':
      return say(`${at} does not let ${user} in: ${message}`, 'correct database.user or sslmode, or pg_hba.conf there')
    case '3D000':
      return say(`there is no database ${db} at ${at}`, 'correct database.db, or have it made: CREATE DATABASE')
    case '42501':
      return say(message, 'have the right granted by its owner')
    case '53300':
      return say(`${at} has no connection left (${message})`, 'raise max_connections, or put PgBouncer in front')
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
      return say(
        `the certificate of ${at} is for another name (${message})`,
        'use the name that it is for as database.host, or sslmode verify-ca',
      )
  }
  if (untrusted.test(code)) {
    return say(
      `the certificate of ${at} is not trusted: ${message}`,
      'database.sslrootcert must be the authority that issued it, and it must not have ended',
    )
  }
  if (/does not support SSL/.test(message)) {
    return say(`${at} has no TLS, and database.sslmode is ${sslMode}`, 'turn TLS on there, or set sslmode to prefer')
  }
  if (/timeout/i.test(message)) {
    return say(`${at} does not answer (${message})`, 'look at the network and the firewall between, and at the server')
  }
  return say(`${db} at ${at} cannot be used: ${message}`, "look at PostgreSQL's log")
}
