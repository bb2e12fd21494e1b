import tls from 'node:tls'
import pg from 'pg'
import type { DatabaseConfig } from '../config.ts'
import type { Logger } from '../logger.ts'
import { messageOf } from '../retry.ts'

/** A pool of connections, for those who hand it on. */
export type Database = pg.Pool

/**
 * A query that gets no answer for so long is given up together with its connection: the server hangs or is gone, or a
 * firewall has forgotten the connection. What waits for it is to be done within a minute through another one.
 */
const queryTimeoutMs = 40_000
const connectTimeoutMs = 10_000
/** Of a query that may take as long as it needs, this asks whether the server is still there: 10 times, once a second. */
const keepAliveAfterMs = 10_000

export interface DatabaseOptions {
  /** Shown by PostgreSQL as application_name. */
  readonly name: string
  readonly connections: number
  /** 0: a query may take as long as it needs. Left out: 40 s. */
  readonly timeoutMs?: number
}

/**
 * A pool of connections, as `database` of the configuration describes them. Everything also works through a pooler in
 * transaction mode: no session state, no named statements.
 */
export function openDatabase(config: DatabaseConfig, options: DatabaseOptions, logger: Logger): pg.Pool {
  const pool = new SslModePool(
    {
      host: config.host,
      port: config.port,
      database: config.db,
      user: config.user,
      password: config.password,
      application_name: options.name,
      max: options.connections,
      connectionTimeoutMillis: Math.min(connectTimeoutMs, options.timeoutMs || connectTimeoutMs),
      query_timeout: options.timeoutMs ?? queryTimeoutMs,
      keepAlive: true,
      keepAliveInitialDelayMillis: keepAliveAfterMs,
      // Statements go out without waiting for one another's answers, and one without an answer ends its connection.
      pipeline: true,
      ssl: sslOptions(config),
    },
    config.sslMode === 'prefer',
  )
  // Without a listener an idle connection that the server closes would end the process.
  pool.on('error', ({ message }) =>
    logger.warn({ repeats: message }, `an idle database connection was lost: ${message}`),
  )
  return pool
}

/** libpq's modes: `require` encrypts and, as in libpq, verifies the chain when there is a root certificate. */
function sslOptions(config: DatabaseConfig): pg.PoolConfig['ssl'] {
  const { sslMode, host } = config
  if (sslMode === 'disable') return false
  const verifies = sslMode === 'verify-ca' || sslMode === 'verify-full' || (sslMode === 'require' && config.tls.ca)
  return {
    ...config.tls,
    rejectUnauthorized: Boolean(verifies),
    checkServerIdentity: (_, certificate) =>
      sslMode === 'verify-full' ? tls.checkServerIdentity(host, certificate) : undefined,
  }
}

/** With `prefer`, a server's word that it has no TLS turns TLS off; any failure without TLS turns it on again. */
class SslModePool extends pg.Pool {
  // pg makes each client from this object of its own.
  declare readonly options: pg.PoolConfig & pg.Pool['options']

  constructor(
    private readonly config: pg.PoolConfig,
    private readonly prefers: boolean,
  ) {
    super(config)
  }

  override connect(): Promise<pg.PoolClient>
  override connect(
    callback: (error: Error | undefined, client: pg.PoolClient | undefined, done: (release?: unknown) => void) => void,
  ): void
  override connect(
    callback?: (error: Error | undefined, client: pg.PoolClient | undefined, done: (release?: unknown) => void) => void,
  ): Promise<pg.PoolClient> | undefined {
    const connecting = this.#connectAsConfigured()
    if (callback === undefined) return connecting
    connecting.then(
      (client) => callback(undefined, client, client.release.bind(client) as (release?: unknown) => void),
      (error: Error) => callback(error, undefined, () => undefined),
    )
  }

  async #connectAsConfigured(): Promise<pg.PoolClient> {
    const triedTls = this.options.ssl !== false
    try {
      return await super.connect()
    } catch (error) {
      if (!this.prefers) throw error
      // Several may connect at once: what counts is what this attempt tried, not what others have found meanwhile.
      if (triedTls && /does not support SSL/.test(messageOf(error))) {
        this.options.ssl = false
        return super.connect()
      }
      if (!triedTls) this.options.ssl = this.config.ssl
      throw error
    }
  }
}

/**
 * Whatever the default of the database is: who has waited for another one's lock must see what that one has stored.
 * With REPEATABLE READ the status of a website followed an entry although a newer one was there.
 */
const begin = 'BEGIN ISOLATION LEVEL READ COMMITTED'

/**
 * Runs an action in one transaction on one connection. When the signal is aborted the connection is given up at once,
 * and with it the transaction, so that a server which hangs holds nobody up.
 */
export function transaction<T>(
  pool: pg.Pool,
  signal: AbortSignal,
  action: (client: pg.PoolClient) => Promise<T>,
): Promise<T> {
  return withConnection(pool, signal, async (client, giveUp) => {
    try {
      await client.query(begin)
      const result = await action(client)
      await client.query('COMMIT')
      return result
    } catch (error) {
      // Whatever went wrong, a connection that comes back has no open transaction. One whose query was not answered
      // would not answer to this either.
      if (/timeout/i.test(messageOf(error))) giveUp()
      else await client.query('ROLLBACK').catch(giveUp)
      throw error
    }
  })
}

/**
 * The limits of a transaction that nobody watches. Without them a server keeps the locks of a client that has gone
 * without a word (its machine lost power, a cable was cut) for two hours, and whoever needs one of these rows waits.
 * Between its statements there is a round trip at most, so that its end need not wait as long as that of a statement.
 */
export const transactionLimits =
  "SET LOCAL statement_timeout = '30s'; SET LOCAL idle_in_transaction_session_timeout = '5s'"

export interface Statement {
  readonly text: string
  readonly values: unknown[]
}

/** Sends a statement at once, and resolves with its result. */
export type Send = (statement: Statement) => Promise<pg.QueryResult>

/**
 * Runs statements as one transaction in as few round trips as its work waits for: none waits for the answer to the one
 * before it unless `work` does. After one that fails the others do nothing, and COMMIT is a ROLLBACK.
 *
 * @param work sends everything; when it has returned, COMMIT follows. It gives back what to do with the results.
 * @throws the error of the first that failed
 */
export function pipelined<T>(
  pool: pg.Pool,
  signal: AbortSignal,
  work: (send: Send) => Promise<() => Promise<T>>,
): Promise<T> {
  return withConnection(pool, signal, async (client, giveUp) => {
    const answers: Promise<pg.QueryResult>[] = []
    const send: Send = ({ text, values }) => {
      const answer = client.query(text, values)
      // Each is waited for below; until then, a failure is no unhandled one.
      answer.catch(() => undefined)
      answers.push(answer)
      return answer
    }
    void send({ text: `${begin}; ${transactionLimits}`, values: [] })
    const [sent] = await Promise.allSettled([work(send)])
    void send({ text: sent.status === 'fulfilled' ? 'COMMIT' : 'ROLLBACK', values: [] })
    const [failed] = (await Promise.allSettled(answers)).filter((answer) => answer.status === 'rejected')
    if (failed !== undefined && !(failed.reason instanceof pg.DatabaseError)) giveUp()
    if (failed !== undefined) throw failed.reason
    if (sent.status === 'rejected') throw sent.reason
    return await sent.value()
  })
}

/** Lends a connection. `giveUp` closes it at once, whatever runs there; so does the signal. */
async function withConnection<T>(
  pool: pg.Pool,
  signal: AbortSignal,
  work: (client: pg.PoolClient, giveUp: () => void) => Promise<T>,
): Promise<T> {
  const client = await connection(pool, signal)
  // A connection that breaks says so twice: to the query that runs, and to whoever listens. Nobody would end the process.
  const ignore = () => undefined
  client.on('error', ignore)
  let released = false
  const release = (broken: boolean) => {
    if (released) return
    released = true
    // Afterwards the pool listens again; a broken one says its last word when it is gone.
    if (!broken) client.off('error', ignore)
    // The pool would let the statements come to their end that have been sent.
    else client.connection.stream.destroy()
    client.release(broken)
  }
  const giveUp = () => release(true)
  signal.addEventListener('abort', giveUp, { once: true })
  try {
    return await work(client, giveUp)
  } finally {
    signal.removeEventListener('abort', giveUp)
    release(false)
  }
}

/** One that comes after the signal was aborted goes back. */
async function connection(pool: pg.Pool, signal: AbortSignal): Promise<pg.PoolClient> {
  signal.throwIfAborted()
  const connecting = pool.connect()
  return await new Promise((resolve, reject) => {
    const abort = () => {
      reject(signal.reason)
      connecting.then(
        (client) => client.release(),
        () => undefined,
      )
    }
    signal.addEventListener('abort', abort, { once: true })
    connecting.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}
