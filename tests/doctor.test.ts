import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { Kafka, logLevel, PartitionAssigners } from 'kafkajs'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { findPgBouncer, startPgBouncer } from '../local/pgbouncer.ts'
import { renew, take } from '../src/database/leases.ts'
import { migrate } from '../src/database/migrations.ts'
import { uuidv7 } from '../src/uuid.ts'
import { doctor, fault } from './helpers/doctor.ts'
import { type NameServer, startNameServer } from './helpers/nameServer.ts'
import { Service, stopServices, until } from './helpers/services.ts'
import { mountSmallDisk, smallDisks } from './helpers/smallDisk.ts'
import { createStack, databaseEnv, type Stack } from './helpers/stack.ts'
import { silent } from './helpers/storing.ts'
import { TestDatabase } from './helpers/testDatabase.ts'
import { publish } from './helpers/topic.ts'

/** A library that shifts what a process takes for the time: Debian's package faketime. */
const fakeTime = `/usr/lib/${{ x64: 'x86_64', arm64: 'aarch64' }[process.arch as string]}-linux-gnu/faketime/libfaketime.so.1`
const hasFaketime = existsSync(fakeTime)

const folder = mkdtempSync(path.join(tmpdir(), 'webmon-doctor-'))
let stack: Stack
let nameServer: NameServer
let env: Record<string, string>
beforeAll(async () => {
  stack = await createStack()
  nameServer = await startNameServer()
  nameServer.answer('there.example', { a: ['127.0.0.1'] })
  await migrate(stack.pool, { logger: silent })
  await stack.pool.query('DELETE FROM website')
  await stack.pool.query("INSERT INTO website (name, url) VALUES ('There', 'http://there.example/')")
  const admin = stack.kafka.admin()
  await admin.connect()
  await admin.createTopics({ topics: [{ topic: stack.topic, numPartitions: 3 }] })
  await admin.disconnect()
  env = {
    ...stack.env,
    WEBMON_MONITORING_NAMESERVERS: nameServer.address,
    WEBMON_PRODUCER_SPOOL_PATH: path.join(folder, 'spool'),
  }
})
afterEach(stopServices)
afterAll(async () => {
  await nameServer.stop()
  await stack.stop()
  rmSync(folder, { recursive: true })
})

const found = async (more: Record<string, string>, part: string) => {
  const { findings } = await doctor({ ...env, ...more })
  return findings.filter((finding) => finding.part === part)
}

describe('webmon doctor, where all is well', () => {
  it('ends with 0, and says what there is', async () => {
    const { well, findings, said } = await doctor({ ...env, WEBMON_DATABASE_RETENTION_ENTRIES: '90' })
    expect(well).toBe(true)
    expect(findings.map(({ part, state }) => `${part}: ${state}`)).toEqual([
      'configuration: well',
      'database: well',
      'clock: well',
      'tables: well',
      'partitions: well',
      'producers: note',
      'websites: well',
      'retention: well',
      'broker: well',
      'clock: well',
      'topic: well',
      'rights: well',
      'group: well',
      'DNS: well',
      'spool: well',
    ])
    expect(said).toMatch(/1 websites make 86400 entries a day, 0\.\d+ GB; 1\.\d GB with the 90 days/)
    expect(said).toMatch(/entries are kept 90 days, hours for ever, days for ever/)
    expect(said).toContain('none runs: 256 shards free')
    expect(said).toMatch(/1 of 1 names of websites resolve/)
    expect(said).not.toContain(stack.database.password === 'webmon' ? 'password: webmon' : stack.database.password)
    expect(existsSync(path.join(folder, 'spool'))).toBe(false)
  })

  it('knows the services that run, and how much there is to store', async () => {
    await publish(stack, ['a', 'b', 'c'])
    const before = await found({}, 'group')
    expect(before).toMatchObject([{ state: 'note', message: `${stack.group} has 0 members and 3 messages to store` }])
    const services = { ...env, WEBMON_PRODUCER_HTTP_PORT: '0' }
    for (const name of ['consumer', 'producer'] as const) await new Service(name, services).logged(/^started$/)
    await until(
      async () => (await found({}, 'group'))[0]?.message === `${stack.group} has 1 members and 0 messages to store`,
    )
    expect(await found({}, 'producers')).toMatchObject([
      { state: 'well', message: expect.stringMatching(/^\S+ \d+ holds 256 shards$/) },
    ])
    const [spool] = await found({ WEBMON_PRODUCER_HTTP_PORT: '0' }, 'spool')
    expect(spool).toMatchObject({ state: 'note', message: expect.stringMatching(/process \d+ has it open/) })
  })
})

describe('webmon doctor finds of the producers', () => {
  const producer = (name: string, leaseMs: number) => ({ id: uuidv7(), name, leaseMs, slotsUntil: new Date() })

  it('that one has died and nobody takes over, though another one lives', async () => {
    const [living, dead] = [producer('living 1', 60_000), producer('dead 2', -30_000)]
    for (const one of [living, dead]) await renew(stack.pool, one)
    await take(stack.pool, living, 200)
    await stack.pool.query('UPDATE producer_lease SET holder = $1 WHERE holder IS NULL', [dead.id])
    try {
      expect(await fault(env)).toMatchObject({
        part: 'producers',
        message: expect.stringMatching(/^(living 1 holds 200 shards; )?dead 2, dead for 3\d s, holds 56 shards/),
        advice: 'nobody took over what the dead ones hold: look into the logs of those that run',
      })
      await stack.pool.query("UPDATE producer SET until = now() - interval '5 s' WHERE name = 'dead 2'")
      expect(await found({}, 'producers')).toMatchObject([
        { state: 'note', message: expect.stringMatching(/; those that run take the rest within seconds$/) },
      ])
    } finally {
      await stack.pool.query('UPDATE producer_lease SET holder = NULL; DELETE FROM producer')
    }
  })
})

describe('webmon doctor finds in the configuration', () => {
  it('an unknown key', async () => {
    const file = path.join(folder, 'config.yaml')
    writeFileSync(file, 'kafka:\n  sever: localhost\n')
    expect(await fault({ ...env, WEBMON_CONFIG_FILE: file })).toMatchObject({
      part: 'configuration',
      message: `${file}: kafka.sever: unknown key; did you mean kafka.server?`,
    })
  })

  it.each([
    ['WEBMON_KAFKA_SSL_KEYFILE', 'kafka.ssl.certfile: missing'],
    ['WEBMON_DATABASE_SSLKEY', 'database.sslcert: missing'],
  ])('a key without its certificate: %s', async (variable, message) => {
    const file = path.join(folder, 'a.key')
    writeFileSync(file, '-----BEGIN PRIVATE KEY-----\n')
    expect((await fault({ ...env, [variable]: file })).message).toContain(message)
  })

  it('a variable that is none of ours, as a note', async () => {
    const [note] = await found({ WEBMON_KAFKA_TOPPIC: 'x' }, 'configuration')
    expect(note).toMatchObject({ state: 'note', message: expect.stringContaining('WEBMON_KAFKA_TOPPIC: unknown') })
  })
})

describe('webmon doctor finds in the database', () => {
  it.each([
    ['a wrong password', { WEBMON_DATABASE_PASSWORD: 'marker' }, /^wrong password for \w+ at/],
    ['a closed port', { WEBMON_DATABASE_PORT: '9' }, /^nothing listens at 127\.0\.0\.1:9$/],
    ['a database that is not there', { WEBMON_DATABASE_DB: 'nowhere' }, /^there is no database nowhere at/],
    ['a server without TLS', { WEBMON_DATABASE_SSLMODE: 'require' }, /has no TLS, and database.sslmode is require/],
  ])('%s', async (_, more, message) => {
    const finding = await fault({ ...env, ...more })
    expect(finding).toMatchObject({ part: 'database', message: expect.stringMatching(message) })
    expect((await doctor({ ...env, ...more })).said).not.toContain('marker')
  })

  describe('whose tables are not as they should be', () => {
    let database: TestDatabase
    const of = () => ({ ...env, ...databaseEnv(database.address) })
    beforeEach(async () => {
      database = await TestDatabase.create()
    })
    afterEach(() => database.stop())

    it('none yet, as a note', async () => {
      const { findings, well } = await doctor(of())
      expect(well).toBe(true)
      expect(findings.find(({ part }) => part === 'tables')).toMatchObject({
        state: 'note',
        message: 'there are no tables yet',
      })
      expect((await fault({ ...of(), WEBMON_DATABASE_MIGRATE: 'false' })).message).toBe('there are no tables yet')
    })

    it('no right to make them', async () => {
      const role = await database.makeRole('reader', "LOGIN PASSWORD 'reader'")
      const as = { ...of(), WEBMON_DATABASE_USER: role, WEBMON_DATABASE_PASSWORD: 'reader' }
      await database.asAdmin('REVOKE CREATE ON SCHEMA public FROM PUBLIC')
      const { part, message } = await fault(as)
      expect({ part, message }).toEqual({
        part: 'tables',
        message: `there are no tables yet, and role ${role} may not create tables in schema public; who may grant it can run: GRANT CREATE, USAGE ON SCHEMA public TO ${role}`,
      })
    })

    it('partitions that nobody may make', async () => {
      await migrate(database.pool, { logger: silent })
      await database.all('DELETE FROM website')
      const role = await database.makeRole('writer', "LOGIN PASSWORD 'writer'")
      await database.all(`GRANT SELECT ON ALL TABLES IN SCHEMA public TO ${role}`)
      const as = { ...of(), WEBMON_DATABASE_USER: role, WEBMON_DATABASE_PASSWORD: 'writer' }
      await database.asAdmin('REVOKE CREATE ON SCHEMA public FROM PUBLIC')
      expect(await fault(as)).toMatchObject({
        part: 'partitions',
        message: expect.stringContaining('may not create tables'),
      })
      const { findings } = await doctor({ ...as, WEBMON_DATABASE_MIGRATE: 'false' })
      expect(findings.find(({ part }) => part === 'partitions')).toMatchObject({ state: 'note' })
    })

    it('old ones', async () => {
      await migrate(database.pool, { logger: silent })
      await database.all('DELETE FROM webmon_migration WHERE version > 1')
      expect(await fault(of())).toMatchObject({
        part: 'tables',
        message: 'the tables are old: 0002_rollups, 0003_incidents, 0004_producers, 0005_websites_by_shard not applied',
        advice: expect.stringContaining('webmon database migrate'),
      })
    })

    it("the original's", async () => {
      await database.all('CREATE TABLE website (website_id uuid); CREATE TABLE check_entry (check_entry_id uuid)')
      expect((await fault(of())).message).toBe("the tables are old: they are the original's")
    })
  })

  it.skipIf(findPgBouncer() === undefined)('PgBouncer in between, which may take no transactions', async () => {
    const bouncer = await startPgBouncer({ database: stack.database })
    const statements = await startPgBouncer({ database: stack.database, poolMode: 'statement' })
    try {
      const pooler = await found(databaseEnv(bouncer.database), 'pooler')
      expect(pooler).toMatchObject([{ state: 'note', message: expect.stringContaining('PgBouncer') }])
      expect(await found({}, 'pooler')).toEqual([])
      expect(await fault({ ...env, ...databaseEnv(statements.database) })).toMatchObject({
        part: 'pooler',
        advice: expect.stringContaining('pool_mode'),
      })
    } finally {
      await bouncer.stop()
      await statements.stop()
    }
  })
})

describe('webmon doctor finds in Kafka', () => {
  it('a closed port', async () => {
    expect(await fault({ ...env, WEBMON_KAFKA_PORT: '9' })).toMatchObject({
      part: 'broker',
      message: 'nothing listens at 127.0.0.1:9',
    })
  })

  it('a topic that is not there yet, as a note', async () => {
    const [topic] = await found({ WEBMON_KAFKA_TOPIC: `${stack.topic}_other` }, 'topic')
    expect(topic).toMatchObject({ state: 'note', advice: 'the services make it when they start' })
  })

  it('a group that is held by a member with another assignor', async () => {
    const groupId = `${stack.group}_held`
    const member = new Kafka({ ...clientOptions(), clientId: 'somebody' }).consumer({
      groupId,
      partitionAssigners: [PartitionAssigners.roundRobin],
    })
    await member.connect()
    await member.subscribe({ topic: stack.topic })
    await member.run({ eachMessage: async () => undefined })
    try {
      const held = { ...env, WEBMON_KAFKA_CONSUMER_GROUP: groupId }
      await until(async () => (await doctor(held)).well === false)
      expect(await fault(held)).toMatchObject({
        part: 'group',
        message: expect.stringMatching(
          /is held with the assignor RoundRobinAssigner by somebody at .*; webmon's consumers offer range/,
        ),
      })
    } finally {
      await member.disconnect()
    }
  })

  const clientOptions = () => {
    const brokers = [`${stack.env.WEBMON_KAFKA_SERVER}:${stack.env.WEBMON_KAFKA_PORT}`]
    return { brokers, logLevel: logLevel.NOTHING }
  }
})

describe('webmon doctor finds on this machine', () => {
  it.skipIf(!hasFaketime)('a clock that is off by a minute (faketime)', async () => {
    for (const [offset, direction] of [
      ['+60', 'behind'],
      ['-60', 'ahead of'],
    ] as const) {
      const clocks = await found({ LD_PRELOAD: fakeTime, FAKETIME: offset }, 'clock')
      expect(clocks.map(({ state }) => state)).toEqual(['wrong', 'wrong'])
      for (const [index, server] of ['PostgreSQL', 'Kafka'].entries()) {
        const off = new RegExp(`^the clock of ${server} is (5[5-9]|6[0-5])(\\.\\d)? s ${direction} this machine's$`)
        expect(clocks[index]?.message).toMatch(off)
      }
    }
  })

  it('name servers that do not know the websites', async () => {
    const other = await startNameServer()
    try {
      other.answer('*', { rcode: 'SERVFAIL' })
      expect(await fault({ ...env, WEBMON_MONITORING_NAMESERVERS: other.address })).toMatchObject({
        part: 'DNS',
        message: expect.stringMatching(/^0 of 1 names of websites resolve \(there\.example: /),
        advice: expect.stringContaining(other.address),
      })
    } finally {
      await other.stop()
    }
  })

  it('a spool that cannot be written', async () => {
    writeFileSync(path.join(folder, 'file'), '')
    for (const spool of ['file', 'file/below', 'file/far/below']) {
      expect(await fault({ ...env, WEBMON_PRODUCER_SPOOL_PATH: path.join(folder, spool) })).toMatchObject({
        part: 'spool',
        message: expect.stringMatching(/cannot be written \(ENOTDIR\)/),
      })
    }
  })

  it('a spool that has reached its limit', async () => {
    const spool = path.join(folder, 'full')
    mkdirSync(path.join(spool, '1'), { recursive: true })
    writeFileSync(path.join(spool, '1/000005.log'), Buffer.alloc(1_000_000))
    const full = { ...env, WEBMON_PRODUCER_SPOOL_PATH: spool, WEBMON_PRODUCER_SPOOL_LIMIT: '1MB' }
    expect(await fault(full)).toMatchObject({
      part: 'spool',
      message: expect.stringContaining('is full: 1MB of producer.spool.limit, 1MB'),
    })
  })

  it.skipIf(!smallDisks)('a spool whose disk is full (tmpfs)', async () => {
    const spool = path.join(folder, 'disk')
    mkdirSync(spool)
    const disk = mountSmallDisk(spool, 20)
    try {
      disk.fill(0.5)
      const on = { ...env, WEBMON_PRODUCER_SPOOL_PATH: spool }
      expect((await fault(on)).message).toMatch(/is full: its disk has \d+kB left/)
      disk.fill()
      expect((await fault(on)).message).toMatch(/cannot be written \(its disk is full\)/)
    } finally {
      disk.unmount()
    }
  })

  it('a spool that another process holds, and leaves it as it is', async () => {
    const spool = path.join(folder, 'held')
    const held = { ...env, WEBMON_PRODUCER_SPOOL_PATH: spool }
    const service = new Service('producer', held)
    await service.logged(/^started$/)
    const before = readdirSync(path.join(spool, '1'))
    expect(await fault({ ...held, WEBMON_PRODUCER_HTTP_PORT: '9' })).toMatchObject({
      part: 'spool',
      message: `${spool}/1 is held by process ${service.pid}, and no producer answers at 127.0.0.1:9`,
    })
    expect(readdirSync(path.join(spool, '1'))).toEqual(before)
    expect((await service.stop()).code).toBe(0)
    expect(await found({ WEBMON_PRODUCER_SPOOL_PATH: spool }, 'spool')).toMatchObject([{ state: 'well' }])
  })
})
