import type pg from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { type DatabaseAddress, withClient } from '../local/databaseAddress.ts'
import { type LocalPostgres, startPostgres } from '../local/postgres.ts'
import type { CheckEntry } from '../src/checkEntry.ts'
import { lookForAlerts } from '../src/database/alerts/looks.ts'
import { claimAlerts, insertAlerts, listAlerts } from '../src/database/alerts.ts'
import { storeChunk } from '../src/database/chunk.ts'
import { closeDays } from '../src/database/closeDays.ts'
import { deleteDeadLetters, listDeadLetters, replayDeadLetters } from '../src/database/deadLetters.ts'
import { giveBack, leave, look, readHolders, renew, take } from '../src/database/leases.ts'
import { schemaVersion } from '../src/database/migrations.ts'
import { applyRetention } from '../src/database/retention.ts'
import { addWebsite, enableWebsites, importWebsites, removeWebsites } from '../src/database/websiteChanges.ts'
import { websiteCounts } from '../src/database/websiteCounts.ts'
import { listWebsites } from '../src/database/websiteList.ts'
import { readWebsites } from '../src/database/websites.ts'
import { uuidv7 } from '../src/uuid.ts'
import { defaultSettings } from '../src/websiteSettings.ts'
import { doctor } from './helpers/doctor.ts'
import { documentedRoles, type Grant, singleRights } from './helpers/documentedRights.ts'
import { checkEntry, incidents } from './helpers/entries.ts'
import { Service, stopServices, until } from './helpers/services.ts'
import { createStack, databaseEnv, openPool, type Stack } from './helpers/stack.ts'
import { delivered, silent, topicRecord } from './helpers/storing.ts'
import { publish } from './helpers/topic.ts'
import { configFile, webmon } from './helpers/webmon.ts'
import { startWebsites, type Websites } from './helpers/websites.ts'

const password = 'of-all-of-them'
const roles = documentedRoles('webmon', password)
const rightsOf = (role: string): Grant[] => singleRights(role, roles.find((one) => one.role === role)?.statements ?? [])

let postgres: LocalPostgres
let stack: Stack
let websites: Websites
let websiteId: string
const pools: pg.Pool[] = []

const admin = (): DatabaseAddress => ({ ...postgres.admin, database: 'webmon' })
const asAdmin = (sql: string) => withClient(admin(), (client) => client.query(sql))
const as = (user: string): DatabaseAddress => ({ ...postgres.database, user, password })
const envOf = (user: string) => ({
  ...stack.env,
  ...databaseEnv(as(user)),
  WEBMON_CONFIG_FILE: configFile,
  ...(user !== 'webmon_owner' && { WEBMON_DATABASE_MIGRATE: 'false' }),
})
const migrateAsOwner = async () => expect((await webmon(['database', 'migrate'], envOf('webmon_owner'))).code).toBe(0)

/** A database in which nobody may do anything that has not been granted. */
beforeAll(async () => {
  stack = await createStack()
  websites = await startWebsites()
  postgres = await startPostgres({ unsafe: true })
  await asAdmin('REVOKE ALL ON DATABASE webmon FROM PUBLIC; REVOKE ALL ON SCHEMA public FROM PUBLIC')
  for (const { role, statements } of roles) {
    await asAdmin(statements.join(';'))
    // The others get rights on the tables that the first one has made.
    if (role === 'webmon_owner') await migrateAsOwner()
  }
  const { rows } = await asAdmin(
    `DELETE FROM website; INSERT INTO website (name, url) VALUES ('one', '${websites.url}/hello') RETURNING website_id`,
  ).then((results) => (results as unknown as pg.QueryResult[])[1] as pg.QueryResult)
  websiteId = rows[0].website_id
})
afterEach(stopServices)
afterAll(async () => {
  for (const pool of pools) await pool.end()
  await Promise.all([postgres.stop(), websites.stop(), stack.stop()])
})

const storedRows = async () => (await asAdmin('SELECT count(*)::integer AS n FROM check_entry')).rows[0].n as number

async function entriesFlow(owners: { producer: string; consumer: string }): Promise<Service[]> {
  const services = [new Service('consumer', envOf(owners.consumer)), new Service('producer', envOf(owners.producer))]
  for (const service of services) await service.logged(/^started$/)
  const before = await storedRows()
  await until(async () => (await storedRows()) > before)
  return services
}

const ended = async (services: Service[]) => {
  for (const service of services) expect((await service.stop()).code).toBe(0)
}
/** What a service could not do. That checks began late is the machine's business. */
const complaints = ({ log }: Service) =>
  log.map(({ msg }) => msg).filter((msg) => /fail|denied|may not|only .* may|partitions are missing/.test(msg))

describe('the documented rights are enough', () => {
  it('of the owner for both services, from the first start on', async () => {
    const fresh = 'fresh'
    await asAdmin(`CREATE DATABASE ${fresh}`)
    const there = { ...envOf('webmon_owner'), WEBMON_DATABASE_DB: fresh }
    const inFresh = { ...admin(), database: fresh }
    await withClient(inFresh, (client) =>
      client.query(`REVOKE ALL ON DATABASE ${fresh} FROM PUBLIC; REVOKE ALL ON SCHEMA public FROM PUBLIC`),
    )
    const [owner] = documentedRoles(fresh, password)
    const grants = owner?.statements.filter((one) => one.startsWith('GRANT')) ?? []
    await withClient(inFresh, (client) => client.query(grants.join(';')))
    const service = new Service('consumer', there)
    await service.logged(/^started$/)
    await withClient(inFresh, (client) => client.query("INSERT INTO website (name, url) VALUES ('a', 'http://[')"))
    const producer = new Service('producer', there)
    await producer.logged(/^started$/)
    await withClient(inFresh, (client) =>
      until(async () => (await client.query('SELECT 1 FROM check_entry')).rowCount !== 0),
    )
    await ended([producer, service])
  })

  it('of a role for each service, with status, dead letters and days', async () => {
    await asAdmin("UPDATE website SET status = 'unknown'")
    const services = await entriesFlow({ producer: 'webmon_producer', consumer: 'webmon_consumer' })
    await publish(stack, ['nonsense'])
    await until(async () => (await asAdmin('SELECT FROM dead_letter')).rowCount === 1)
    await until(async () => (await asAdmin("SELECT FROM website WHERE status = 'active'")).rowCount === 1)
    await until(async () => (await asAdmin('SELECT FROM rollup_state')).rowCount === 1)
    const [consumer, producer] = services as [Service, Service]
    expect(complaints(producer)).toEqual([])
    expect(complaints(consumer)).toEqual([])
    await ended(services)
  })

  it('of an operator for the command line', async () => {
    const env = envOf('webmon_operator')
    const commands = [
      ['website', 'add', 'http://127.0.0.1/', '--name', 'two'],
      ['website', 'list'],
      ['website', 'show', 'two'],
      ['website', 'disable', 'two'],
      ['website', 'silence', 'two', '--for', '1h'],
      ['website', 'export'],
      ['website', 'remove', 'two'],
      ['dead-letter', 'list'],
      ['dead-letter', 'replay', '--all'],
      ['dead-letter', 'delete', '--all'],
      ['database', 'status'],
      ['doctor'],
    ]
    for (const command of commands) expect([command, (await webmon(command, env)).code]).toEqual([command, 0])
  })
})

describe('a consumer that may not make partitions', () => {
  const env = () => envOf('webmon_consumer')
  const partition = (daysAhead: number) => {
    const day = new Date(Date.now() + daysAhead * 86_400_000).toISOString().slice(0, 10).replaceAll('-', '')
    return `check_entry_${day}`
  }

  it('tells only when they end within 7 days, and doctor notes that another role makes them', async () => {
    await asAdmin(`DROP TABLE ${partition(20)}`)
    const far = new Service('consumer', env())
    await far.logged(/^started$/)
    expect(complaints(far)).toEqual([])
    await far.stop()
    expect((await doctor(env())).findings).toContainEqual(
      expect.objectContaining({
        part: 'partitions',
        state: 'note',
        message: expect.stringContaining('by another role'),
      }),
    )
    await asAdmin(`DROP TABLE ${partition(5)}`)
    const near = new Service('consumer', env())
    const line = await near.logged(/^partitions are missing, or end within 7 days: run webmon database migrate/)
    expect(line.msg).toContain('role webmon_consumer may not create tables')
    await near.logged(/^started$/)
    await migrateAsOwner()
  })

  it('waits while there is none, and stores what came meanwhile', async () => {
    const services = await entriesFlow({ producer: 'webmon_producer', consumer: 'webmon_consumer' })
    const names = [partition(0), partition(1)]
    await asAdmin(`DROP TABLE ${names.join(', ')}`)
    const consumer = services[0] as Service
    await consumer.logged(/^storing failed: role webmon_consumer may not create tables/)
    await migrateAsOwner()
    await until(async () => (await storedRows()) > 0)
    await ended(services)
  })

  it('leaves what is older than the retention, and says who may drop it', async () => {
    const old = 'PARTITION OF check_entry FOR VALUES FROM'
    await asAdmin(`CREATE TABLE old ${old} ('2020-01-01 00:00+00') TO ('2020-01-02 00:00+00')`)
    const service = new Service('consumer', { ...env(), WEBMON_DATABASE_RETENTION_ENTRIES: '90' })
    await service.logged(
      /^public\.check_entry has partitions older than the retention, which only webmon_owner may drop/,
    )
    await asAdmin('DROP TABLE old')
  })
})

describe('without one of the documented rights of', () => {
  const { signal } = new AbortController()
  const options = { logger: silent, signal }
  const open = (user: string) => {
    const pool = openPool(as(user))
    pools.push(pool)
    return pool
  }

  /** All that the services and commands ask of the database. */
  const work: Record<string, (pool: pg.Pool) => Promise<void>> = {
    async webmon_producer(pool) {
      await migrated(pool)
      const me = { id: uuidv7(), name: 'one', leaseMs: 10_000, slotsUntil: new Date() }
      await renew(pool, me)
      await take(pool, me, 1)
      await readWebsites(
        pool,
        (await look(pool, me.id)).held.map(({ shard }) => shard),
      )
      await giveBack(pool, me, [0], new Date())
      await leave(pool, me, new Date())
    },
    async webmon_consumer(pool) {
      await migrated(pool)
      // Another status each time.
      const [{ status }] = (await asAdmin('SELECT status FROM website')).rows as [{ status: string }]
      const later = { begins: new Date(0), expires: new Date(Date.now() + 1e9), issuer: 'one' }
      const now = checkEntry({ websiteId, available: status !== 'active', certificate: later })
      const earlier = checkEntry({ websiteId, timestamp: new Date(Date.now() - 2 * 3_600_000) })
      const letter = { record: topicRecord('x'), kind: 'syntax' as const, reason: 'x' }
      const storing = { ...options, intervalSeconds: 30, hourDays: 0, incidents }
      await storeChunk(pool, [delivered(now), delivered(earlier), letter], storing)
      for (const entries of lateEntries(await anotherWebsite())) {
        await storeChunk(pool, entries.map(delivered), storing)
      }
      await lookForAlerts(pool, { receivers: [], intervalSeconds: 30, signal })
      await claimAlerts(pool, 'ops', 1)
      await pool.query(insertAlerts([]))
      await closeDays(pool, options)
      await applyRetention(pool, { entryDays: 90, hourDays: 0, dayDays: 0 }, options)
      await websiteCounts(pool, [0]).get()
    },
    async webmon_operator(pool) {
      await migrated(pool)
      const settings = { ...defaultSettings, name: 'three', url: 'http://127.0.0.1/' }
      const id = (await addWebsite(pool, settings)) as string
      try {
        await enableWebsites(pool, [id], false)
        await importWebsites(pool, [{ ...settings, regex: 'x' }], { prune: false, dryRun: false })
        await listWebsites(pool, {})
        await listDeadLetters(pool, {}, 1)
        await listAlerts(pool, undefined, 1)
        await readHolders(pool)
        await replayDeadLetters(pool, {}, async () => undefined)
        await deleteDeadLetters(pool, {})
        await removeWebsites(pool, [id])
      } finally {
        await asAdmin("DELETE FROM website WHERE name = 'three'")
      }
    },
  }

  async function anotherWebsite(): Promise<string> {
    const { rows } = await asAdmin(
      `INSERT INTO website (name, url) VALUES ('four', 'http://127.0.0.1/') RETURNING website_id`,
    )
    return (rows[0] as { website_id: string }).website_id
  }

  /** An incident is made of entries that come late, ends earlier with the next one, and is none with the last one. */
  function lateEntries(id: string): CheckEntry[][] {
    const at = (minutes: number, available: boolean) =>
      checkEntry({ websiteId: id, available, timestamp: new Date(Date.now() + minutes * 60_000) })
    return [[at(0, true)], [at(-60, false), at(-50, false)], [at(-30, true)], [at(-55, true)]]
  }

  async function migrated(pool: pg.Pool): Promise<void> {
    expect((await schemaVersion(pool)).missing).toBeNull()
  }

  for (const [role, doAll] of Object.entries(work)) {
    describe(role, () => {
      it('(with all of them it works)', () => doAll(open(role)))

      it.each(rightsOf(role))('$grant, it says which', async ({ grant, revoke }) => {
        await asAdmin(revoke)
        const error = await doAll(open(role)).then(
          () => new Error('it works without'),
          (reason: Error) => reason,
        )
        await asAdmin(grant)
        const table = / ON (?:SCHEMA |DATABASE )?(\w+) /.exec(grant)?.[1]
        expect(error.message).toMatch(new RegExp(`(permission denied for|may not (use|read)) .*${table}`))
      })
    })
  }

  it('a service, it says so, waits, and goes on with it', async () => {
    await asAdmin('REVOKE INSERT ON check_entry FROM webmon_consumer')
    const services = ['consumer', 'producer'].map(
      (name) => new Service(name as 'consumer' | 'producer', envOf(`webmon_${name}`)),
    )
    const [consumer] = services as [Service]
    await consumer.logged(/^storing failed: permission denied for table check_entry; trying again/)
    const before = await storedRows()
    await asAdmin('GRANT INSERT ON check_entry TO webmon_consumer')
    await until(async () => (await storedRows()) > before)
    await ended(services)
  })
})
