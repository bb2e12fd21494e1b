import pg from 'pg'
import type { DatabaseAddress } from '../../local/databaseAddress.ts'

/** The environment of a service that works on this database. */
export function databaseEnv({ host, port, database, user, password }: DatabaseAddress): Record<string, string> {
  return {
    WEBMON_DATABASE_HOST: host,
    WEBMON_DATABASE_PORT: String(port),
    WEBMON_DATABASE_DB: database,
    WEBMON_DATABASE_USER: user,
    WEBMON_DATABASE_PASSWORD: password,
    WEBMON_DATABASE_SSLMODE: 'disable',
  }
}

/** As the services have it, but that TLS is off. `name` is shown by PostgreSQL as application_name. */
export function openPool({ host, port, database, user, password }: DatabaseAddress, name?: string): pg.Pool {
  const pool = new pg.Pool({ host, port, database, user, password, application_name: name, max: 4, pipeline: true })
  pool.on('error', () => undefined)
  return pool
}
