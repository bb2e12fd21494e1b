import { existsSync } from 'node:fs'
import { chown, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type DatabaseAddress, databaseAddress, withClient } from './databaseAddress.ts'
import { freePort } from './ports.ts'
import type { SystemUser } from './postgresHome.ts'
import { BackgroundProcess, lastLines, run } from './process.ts'

export interface PgBouncerOptions {
  /** What it stands in front of. */
  readonly database: DatabaseAddress
  /** Connections to the server that all clients share; few, so that they do share them. */
  readonly poolSize?: number
  readonly poolMode?: 'transaction' | 'session' | 'statement'
}

export interface LocalPgBouncer {
  /** The same database, through the pooler. */
  readonly database: DatabaseAddress
  stop(): Promise<void>
}

const readyWithinMs = 10_000

/** Where the command is, if it is installed. Debian puts it into a folder that is in root's PATH only. */
export function findPgBouncer(): string | undefined {
  const folders = [...(process.env.PATH ?? '').split(path.delimiter), '/usr/sbin', '/usr/local/sbin']
  return folders.map((folder) => path.join(folder, 'pgbouncer')).find((file) => existsSync(file))
}

/** Starts PgBouncer on a free port, in transaction mode. @throws when it is not installed: see `findPgBouncer` */
export async function startPgBouncer(options: PgBouncerOptions): Promise<LocalPgBouncer> {
  const command = findPgBouncer()
  if (command === undefined) throw new Error('pgbouncer is not installed (apt-get install pgbouncer)')
  const { database, poolSize = 2, poolMode = 'transaction' } = options
  const user = process.getuid?.() === 0 ? await otherThanRoot() : undefined
  const port = await freePort()
  const folder = await mkdtemp(path.join(tmpdir(), 'webmon-pgbouncer-'))
  const file = (name: string) => path.join(folder, name)
  await writeFile(file('users.txt'), `"${database.user}" "${database.password}"\n`)
  const settings = {
    listen_addr: '127.0.0.1',
    listen_port: port,
    unix_socket_dir: '',
    auth_type: 'scram-sha-256',
    auth_file: file('users.txt'),
    pool_mode: poolMode,
    default_pool_size: poolSize,
    max_client_conn: 1000,
  }
  const lines = Object.entries(settings).map(([key, value]) => `${key} = ${value}`)
  const target = `* = host=${database.host} port=${database.port}`
  await writeFile(file('pgbouncer.ini'), ['[databases]', target, '[pgbouncer]', ...lines, ''].join('\n'))
  if (user) for (const name of ['', 'users.txt', 'pgbouncer.ini']) await chown(file(name), user.uid, user.gid)

  const log = file('pgbouncer.log')
  const started = { command, args: [file('pgbouncer.ini')], cwd: '/', user }
  // SIGINT would wait for the clients to leave: https://www.pgbouncer.org/usage.html#signals
  const bouncer = await BackgroundProcess.start(started, log, 'SIGTERM', folder)
  const stop = async () => {
    await bouncer.stop(5_000)
    await rm(folder, { recursive: true, force: true })
  }
  const pooled = databaseAddress({ ...database, host: '127.0.0.1', port, sslMode: 'disable' })
  const deadline = Date.now() + readyWithinMs
  for (;;) {
    const problem = await withClient(pooled, (client) => client.query('SELECT 1')).then(
      () => undefined,
      (error: Error) => error.message,
    )
    if (problem === undefined) return { database: pooled, stop }
    if (!bouncer.running || Date.now() > deadline) {
      const end = lastLines(await readFile(log, 'utf8').catch(() => ''), 10)
      await stop()
      throw new Error(`PgBouncer does not answer (${problem}); the end of its log:\n${end}`)
    }
    await sleep(50)
  }
}

/** PgBouncer refuses to run as root. */
async function otherThanRoot(): Promise<SystemUser> {
  for (const name of ['postgres', 'nobody']) {
    const ids = await Promise.all(['-u', '-g'].map((of) => run({ command: 'id', args: [of, name] }))).catch(() => [])
    if (ids.length === 2) return { uid: Number(ids[0]), gid: Number(ids[1]) }
  }
  throw new Error('PgBouncer refuses to run as root, and there is no user postgres or nobody')
}
