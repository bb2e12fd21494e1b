import { randomBytes } from 'node:crypto'
import { chown, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { escapeIdentifier } from 'pg'
import { type DatabaseAddress, databaseAddress, withClient } from './databaseAddress.ts'
import { freePort } from './ports.ts'
import { findPostgresHome, type PostgresHome } from './postgresHome.ts'
import { BackgroundProcess, endLeftover, isRunning, lastLines, run } from './process.ts'

export interface PostgresOptions {
  /** By default a free one. */
  readonly port?: number | undefined
  /** Kept at the end. By default a temporary folder, which `stop` deletes. */
  readonly dataFolder?: string | undefined
  /** PEM texts. Given: the server takes connections with TLS beside the plain ones. */
  readonly tls?: { readonly cert: string; readonly key: string; readonly ca?: string }
  /** Lines of pg_hba.conf for everybody but the administrator, in place of one that asks for a password. */
  readonly access?: readonly string[]
  /** Settings of the server, which go before ours. */
  readonly settings?: Readonly<Record<string, string>>
  /** Arguments of initdb: those of a server before 17, which lacks our locale. */
  readonly locale?: readonly string[]
  /** Does not wait for the disk: faster, and the data does not survive a power cut (a kill -9 it does). */
  readonly unsafe?: boolean
  readonly progress?: (line: string) => void
  readonly signal?: AbortSignal | undefined
}

const host = '127.0.0.1'
/** Owns the databases, and is no administrator: what webmon may do in one, it may do on any server. */
const owner = { user: 'webmon', password: 'webmon' }
const locale = ['--locale-provider=builtin', '--builtin-locale=C.UTF-8']
const readyWithinMs = 60_000
const stopWithinMs = 20_000

/** The database that every server of ours has. */
export function ownDatabase(port: number): DatabaseAddress {
  return databaseAddress({ host, port, database: 'webmon', ...owner, sslMode: 'disable' })
}

/** Starts a server on 127.0.0.1, with a role `webmon` and its database `webmon`, and waits until it answers. */
export async function startPostgres(options: PostgresOptions = {}): Promise<LocalPostgres> {
  const port = options.port ?? (await freePort())
  const home = await findPostgresHome(options.dataFolder, options.progress ?? (() => {}))
  const postgres = new LocalPostgres(home, port, options)
  try {
    await postgres.start()
  } catch (error) {
    await postgres.stop()
    throw error
  }
  return postgres
}

export class LocalPostgres {
  readonly host = host
  readonly dataFolder: string
  readonly logFile: string
  #process: BackgroundProcess | undefined
  #adminPassword = ''

  constructor(
    private readonly home: PostgresHome,
    readonly port: number,
    private readonly options: PostgresOptions,
  ) {
    this.dataFolder = home.dataFolder
    this.logFile = path.join(home.dataFolder, 'postgres.log')
  }

  /** The database that is always there. */
  get database(): DatabaseAddress {
    return ownDatabase(this.port)
  }

  /** A connection as superuser, whose password is a random one: it may run programs on this machine. */
  get admin(): DatabaseAddress {
    return this.#address('postgres', { user: 'postgres', password: this.#adminPassword })
  }

  /** Of the server that was started last. */
  get process(): BackgroundProcess {
    if (!this.#process) throw new Error('not started')
    return this.#process
  }

  /** Also again after `kill` or `stop({ keep: true })`: on the same port, with the same data. */
  async start(): Promise<void> {
    if (this.#process?.running) return
    await this.#endLeftover()
    await this.#initialize()
    await this.#writeTls()
    await this.#writeAccess()
    await rm(this.logFile, { force: true })
    await this.#startServer()
    await this.#makeOwner()
  }

  /** An empty database that belongs to `webmon`; one that has this name goes. */
  async createDatabase(name = `test_${randomBytes(6).toString('hex')}`): Promise<DatabaseAddress> {
    await withClient(this.admin, async (client) => {
      await client.query(`DROP DATABASE IF EXISTS ${escapeIdentifier(name)} WITH (FORCE)`)
      await client.query(`CREATE DATABASE ${escapeIdentifier(name)} OWNER ${owner.user}`)
    })
    return this.#address(name, owner)
  }

  /**
   * Ends it cleanly, whoever is connected. A temporary data folder goes with it, unless it is to be started again.
   *
   * @param hurry aborted: the server is killed, which costs the next start a recovery and no data
   */
  async stop({ keep = false, hurry }: { keep?: boolean; hurry?: AbortSignal } = {}): Promise<void> {
    await this.#process?.stop(stopWithinMs, hurry)
    if (this.#temporary && !keep) await rm(this.dataFolder, { recursive: true, force: true })
  }

  /** Ends it as a crash would. */
  async kill(): Promise<void> {
    await this.#process?.kill()
  }

  get #temporary(): boolean {
    return this.options.dataFolder === undefined
  }

  get #cluster(): string {
    return path.join(this.dataFolder, 'cluster')
  }

  #address(database: string, role: { user: string; password: string }): DatabaseAddress {
    return databaseAddress({ host, port: this.port, database, ...role, sslMode: 'disable' })
  }

  async #endLeftover(): Promise<void> {
    const file = path.join(this.#cluster, 'postmaster.pid')
    const pid = Number.parseInt(await readFile(file, 'utf8').catch(() => ''), 10)
    if (!(pid > 0)) return
    await endLeftover(pid, this.#cluster, 'SIGINT')
    // After a restart of the machine the number can be another process's, and then the server would refuse to start.
    if (isRunning(pid, '')) await rm(file, { force: true })
  }

  /** Makes the cluster in a folder that is renamed when complete: what an interrupted initdb has left is none. */
  async #initialize(): Promise<void> {
    const passwordFile = path.join(this.dataFolder, 'admin-password')
    const found = await readFile(passwordFile, 'utf8').catch(() => undefined)
    this.#adminPassword = found ?? randomBytes(18).toString('base64url')
    if (found !== undefined) return
    const unfinished = `${this.#cluster}.unfinished`
    await rm(unfinished, { recursive: true, force: true })
    await rm(this.#cluster, { recursive: true, force: true })
    const temporaryPassword = `${passwordFile}.unfinished`
    await this.#writePrivate(temporaryPassword, this.#adminPassword)
    await run({
      command: path.join(this.home.binaries, 'initdb'),
      args: [
        ...['-D', unfinished, '-U', 'postgres', '--auth=scram-sha-256', `--pwfile=${temporaryPassword}`],
        // The same on every machine, whatever its locale is.
        ...['--encoding=UTF8', '--no-locale', ...(this.options.locale ?? locale)],
        ...(this.options.unsafe ? ['--no-sync'] : []),
      ],
      cwd: '/',
      user: this.home.user,
      signal: this.options.signal,
    })
    await rename(unfinished, this.#cluster)
    await rename(temporaryPassword, passwordFile)
  }

  async #writeTls(): Promise<void> {
    const { tls } = this.options
    if (tls === undefined) return
    await this.#writePrivate(path.join(this.dataFolder, 'server.crt'), tls.cert)
    await this.#writePrivate(path.join(this.dataFolder, 'server.key'), tls.key)
    if (tls.ca !== undefined) await this.#writePrivate(path.join(this.dataFolder, 'ca.crt'), tls.ca)
  }

  async #writeAccess(): Promise<void> {
    const admin = `host all postgres ${host}/32 scram-sha-256`
    const others = this.options.access ?? [`host all all ${host}/32 scram-sha-256`]
    await this.#writePrivate(path.join(this.#cluster, 'pg_hba.conf'), `${[admin, ...others].join('\n')}\n`)
  }

  /** Readable for the server alone. */
  async #writePrivate(file: string, text: string): Promise<void> {
    await mkdir(path.dirname(file), { recursive: true })
    await writeFile(file, text, { mode: 0o600 })
    if (this.home.user) await chown(file, this.home.user.uid, this.home.user.gid)
  }

  async #startServer(): Promise<void> {
    const deadline = Date.now() + readyWithinMs
    const command = {
      command: path.join(this.home.binaries, 'postgres'),
      args: [
        '-D',
        this.#cluster,
        ...Object.entries(this.#settings()).flatMap(([key, value]) => ['-c', `${key}=${value}`]),
      ],
      cwd: '/',
      user: this.home.user,
    }
    for (;;) {
      // SIGINT is the fast shutdown: https://www.postgresql.org/docs/18/server-shutdown.html
      const leftover = this.#temporary ? this.dataFolder : undefined
      const server = await BackgroundProcess.start(command, this.logFile, 'SIGINT', leftover)
      this.#process = server
      while (server.running && Date.now() < deadline) {
        this.options.signal?.throwIfAborted()
        if (await this.#answers()) return
        await sleep(50)
      }
      const log = await readFile(this.logFile, 'utf8').catch(() => '')
      // The processes of a killed server need a moment to see that it is gone.
      const stillEnding = /pre-existing shared memory block|is another postmaster/.test(log)
      if (!server.running && stillEnding && Date.now() < deadline) {
        await rm(this.logFile, { force: true })
        await sleep(200)
        continue
      }
      const what = server.running ? `did not answer within ${readyWithinMs / 1000} s` : `ended (${await server.ended})`
      throw new Error(`PostgreSQL ${what}; the end of ${this.logFile}:\n${lastLines(log, 15)}`)
    }
  }

  #settings(): Record<string, string> {
    const { tls, unsafe, settings } = this.options
    const file = (name: string) => path.join(this.dataFolder, name)
    return {
      listen_addresses: host,
      port: String(this.port),
      // Nobody asks for a socket, and its lock file would be in a folder that all users share.
      unix_socket_directories: '',
      ...(unsafe && { fsync: 'off', full_page_writes: 'off' }),
      ...(tls && { ssl: 'on', ssl_cert_file: file('server.crt'), ssl_key_file: file('server.key') }),
      ...(tls?.ca !== undefined && { ssl_ca_file: file('ca.crt') }),
      ...settings,
    }
  }

  async #answers(): Promise<boolean> {
    return withClient(this.admin, () => Promise.resolve(true)).catch((error: { code?: string }) => {
      // 28P01: the data folder has another password than the file says, and waiting does not help.
      if (error.code === '28P01') throw error
      return false
    })
  }

  async #makeOwner(): Promise<void> {
    await withClient(this.admin, async (client) => {
      const { rows } = await client.query(
        `SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1) AS role,
                EXISTS (SELECT FROM pg_database WHERE datname = $2) AS database`,
        [owner.user, this.database.database],
      )
      if (!rows[0].role) await client.query(`CREATE ROLE ${owner.user} LOGIN PASSWORD '${owner.password}'`)
      if (!rows[0].database) await client.query(`CREATE DATABASE ${this.database.database} OWNER ${owner.user}`)
    })
  }
}
