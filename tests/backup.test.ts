import { execFile } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { withClient } from '../local/databaseAddress.ts'
import { freePort } from '../local/ports.ts'
import { LocalPostgres } from '../local/postgres.ts'
import { findPostgresHome } from '../local/postgresHome.ts'
import { disagreements } from './helpers/agreement.ts'
import { commandsOf } from './helpers/fencedBlocks.ts'
import { Service, stopServices, until } from './helpers/services.ts'
import { createStack, type Stack } from './helpers/stack.ts'
import { databaseEnv, openPool } from './helpers/stackEnv.ts'
import { drained } from './helpers/topic.ts'
import { startWebsites, type Websites } from './helpers/websites.ts'

/** A PostgreSQL with pg_dump, as Debian installs it: the one from npm has none, and an older pg_dump refuses it. */
const binaries = newestBinaries('/usr/lib/postgresql')

describe.skipIf(binaries === undefined)('a backup with pg_dump', () => {
  let postgres: LocalPostgres
  let stack: Stack
  let websites: Websites
  let folder: string
  beforeAll(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'webmon-backup-'))
    const home = await findPostgresHome(undefined, () => undefined)
    postgres = new LocalPostgres({ ...home, binaries: binaries as string }, await freePort(), {
      unsafe: true,
      locale: [],
    })
    ;[, stack, websites] = await Promise.all([postgres.start(), createStack(), startWebsites()])
  })
  afterEach(stopServices)
  afterAll(async () => {
    await Promise.all([postgres?.stop(), stack?.stop(), websites?.stop()])
    rmSync(folder, { recursive: true })
  })

  /** A command of docs/operations.md. */
  async function documented(start: string): Promise<void> {
    const found = commandsOf('docs/operations.md').filter((command) => command.startsWith(start))
    expect(found).toHaveLength(1)
    const { host, port, user, password } = postgres.admin
    await promisify(execFile)('bash', ['-e', '-c', found[0] as string], {
      cwd: folder,
      env: {
        PATH: `${binaries}:${process.env.PATH}`,
        PGHOST: host,
        PGPORT: String(port),
        PGUSER: user,
        PGPASSWORD: password,
      },
    })
  }

  it('of a running webmon is restored whole, and what was stored after it comes again from Kafka, once', async () => {
    const env = { ...stack.env, ...databaseEnv(postgres.database), WEBMON_CONSUMER_THREADS: '2' }
    let pool = openPool(postgres.database)
    const stored = async () => Number((await pool.query('SELECT count(*) AS n FROM check_entry')).rows[0].n)
    const consumer = new Service('consumer', env)
    await consumer.logged(/^started$/)
    await pool.query('DELETE FROM website')
    await pool.query("INSERT INTO website (name, url) SELECT 'website ' || n, $1 FROM generate_series(1, 30) AS n", [
      websites.urlOf('/hello'),
    ])
    const producer = new Service('producer', env)
    await until(async () => (await stored()) > 60)
    await documented('pg_dump ')
    const backedUp = await stored()
    await until(async () => (await stored()) > backedUp + 60)

    // The database is lost. The producer goes on meanwhile.
    expect((await consumer.stop()).code).toBe(0)
    const committed = await stored()
    await pool.end()
    const broken = 'ALTER DATABASE webmon RENAME TO broken; ALTER DATABASE broken CONNECTION LIMIT 0'
    await withClient(postgres.admin, async (client) => {
      await client.query(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'webmon' AND pid <> pg_backend_pid()",
      )
      for (const statement of broken.split('; ')) await client.query(statement)
    })
    await documented('createdb ')
    await documented('pg_restore ')
    pool = openPool(postgres.database)
    const restored = await stored()
    expect(restored).toBeGreaterThan(60)
    expect(restored).toBeLessThan(committed)
    expect(await disagreements(pool)).toEqual([])

    // As kafka-consumer-groups.sh --reset-offsets: back to before the backup.
    const admin = stack.kafka.admin()
    await admin.connect()
    const partitions = (await admin.fetchTopicOffsets(stack.topic)).map(({ partition, low }) => ({
      partition,
      offset: low,
    }))
    await admin.setOffsets({ groupId: stack.group, topic: stack.topic, partitions })
    await admin.disconnect()
    await new Service('consumer', env).logged(/ [1-9]\d* came again/)
    expect((await producer.stop()).code).toBe(0)
    await drained(stack)
    expect(await stored()).toBe(websites.log.length)
    expect(await disagreements(pool)).toEqual([])
    const owners = await pool.query("SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'")
    expect(owners.rows).toEqual([{ tableowner: 'webmon' }])
    await pool.end()
  })
})

function newestBinaries(installed: string): string | undefined {
  try {
    const versions = readdirSync(installed).filter((version) => {
      const programs = readdirSync(path.join(installed, version, 'bin'))
      return ['postgres', 'initdb', 'pg_dump', 'pg_restore'].every((program) => programs.includes(program))
    })
    const newest = versions.sort((a, b) => Number(b) - Number(a))[0]
    return newest && path.join(installed, newest, 'bin')
  } catch {
    return undefined
  }
}
