import { execFileSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type pg from 'pg'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { findPgBouncer, startPgBouncer } from '../local/pgbouncer.ts'
import { openDatabase } from '../src/database/database.ts'
import { readHolders } from '../src/database/leases.ts'
import { migrate } from '../src/database/migrations.ts'
import { readWebsites } from '../src/database/websites.ts'
import { phaseOf } from '../src/schedule.ts'
import { shardOf, shardOfWebsite, shards } from '../src/shard.ts'
import { fairShare } from '../src/sharing/balance.ts'
import type { Lease } from '../src/sharing/ownShards.ts'
import { TcpProxy } from './chaos/tcpProxy.ts'
import { website } from './helpers/entries.ts'
import { Member, shared, testTimes } from './helpers/leases.ts'
import { until } from './helpers/services.ts'
import { silent } from './helpers/storing.ts'
import { TestDatabase } from './helpers/testDatabase.ts'

let database: TestDatabase
const members: Member[] = []

beforeEach(async () => {
  database = await TestDatabase.create()
  await migrate(database.pool, { logger: silent })
})
afterEach(async () => {
  for (const { leases } of members.splice(0)) await leases.stop(Date.now()).catch(() => undefined)
  await database.stop()
})

/** @param port of a proxy or a pooler in front of the database */
async function join(name: string, { port = database.address.port, times = testTimes } = {}): Promise<Member> {
  const { host, database: db, user, password } = database.address
  const pool = openDatabase(
    { host, port, db, user, password, sslMode: 'disable', tls: null } as never,
    { name, connections: 1, timeoutMs: 800 },
    silent,
  )
  database.onStop(() => pool.end())
  const member = new Member(pool as pg.Pool, name, times)
  members.push(member)
  await member.leases.start()
  return member
}

async function proxied(): Promise<{ proxy: TcpProxy; port: number }> {
  const proxy = new TcpProxy()
  const port = await proxy.listen()
  proxy.target(database.address.port)
  database.onStop(async () => proxy.close())
  return { proxy, port }
}

const buryAll = `
  import { openPool } from './tests/helpers/stackEnv.ts'
  import { buryDead } from './src/database/leases.ts'
  const pool = openPool(JSON.parse(process.argv[1]))
  await new Promise((resolve) => setTimeout(resolve, ${testTimes.lease + 500}))
  await buryDead(pool)
  await pool.end()`

/** Nothing of this process runs until another one has done that: a stopped process, a machine that slept. */
function whileThisStandsStill(program: string): void {
  const args = ['--import', 'tsx', '--input-type=module', '-e', program, JSON.stringify(database.address)]
  execFileSync(process.execPath, args)
}

/** A website in a shard that they hold. */
function websiteOf({ leases }: Member) {
  const numbers = new Set(leases.held.map(({ shard }) => shard))
  for (;;) {
    const one = website({ id: randomUUID() })
    if (numbers.has(shardOfWebsite(one))) return one
  }
}

describe('a shard', () => {
  it('is the same in SQL and here, and has nothing to do with the phase', async () => {
    const ids = Array.from({ length: 20_000 }, () => randomUUID())
    const rows = await database.all<{ shard: number }>(
      'SELECT website_shard(id) AS shard FROM unnest($1::uuid[]) WITH ORDINALITY AS one (id, n) ORDER BY n',
      [ids],
    )
    expect(rows.map(({ shard }) => shard)).toEqual(ids.map(shardOf))
    const inShards = new Array<number>(shards).fill(0)
    for (const id of ids) (inShards[shardOf(id)] as number)++
    // 78 in the mean.
    expect(Math.min(...inShards)).toBeGreaterThan(30)
    expect(Math.max(...inShards)).toBeLessThan(140)
    const early = ids.filter((id) => phaseOf(id, 1_000) < 100)
    expect(new Set(early.map(shardOf)).size).toBeGreaterThan(240)
  })

  it('has its websites read, and no others', async () => {
    await database.all(`INSERT INTO website (name, url) SELECT n, 'http://[' FROM generate_series(1, 500) AS n`)
    const some = [3, 77, 200]
    const [all, read] = [
      await readWebsites(database.pool, [...Array(shards).keys()]),
      await readWebsites(database.pool, some),
    ]
    expect(all.length).toBe(506)
    const ids = (list: readonly { id: string }[]) => list.map(({ id }) => id).sort()
    expect(ids(read)).toEqual(ids(all.filter((one) => some.includes(shardOfWebsite(one)))))
  })
})

describe('the fair share', () => {
  it('adds up to all shards, whatever the number of producers', () => {
    for (const producers of [1, 2, 3, 5, 7, 100, 256, 300]) {
      const all = Array.from({ length: producers }, (_, n) => fairShare(producers, n + 1))
      expect(all.reduce((sum, share) => sum + share)).toBe(shards)
      expect(Math.max(...all) - Math.min(...all)).toBeLessThanOrEqual(1)
    }
  })

  it('is all for the first producer at once, and is given to each newcomer by those who have more', async () => {
    const all = [await join('first')]
    expect(all[0]?.count).toBe(shards)
    for (const counts of [
      [128, 128],
      [86, 85, 85],
      [64, 64, 64, 64],
      [52, 51, 51, 51, 51],
    ]) {
      all.push(await join(`number ${counts.length}`))
      await shared(all, counts)
    }
  })

  it('comes about among five that start at the same moment', async () => {
    const all = await Promise.all(['a', 'b', 'c', 'd', 'e'].map((name) => join(name)))
    await until(() => all.reduce((sum, { count }) => sum + count, 0) === shards && all.every(({ count }) => count > 50))
  })
})

describe('when a producer', () => {
  it("comes, the slots up to the hand-over are its predecessor's, and the later ones its own", async () => {
    const [first, second] = [await join('first'), await join('second')]
    await shared([first, second], [128, 128])
    const one = websiteOf(second)
    const { slotsAfterMs } = second.leases.held.find(({ shard }) => shard === shardOfWebsite(one)) as Lease
    const owners = (dueMs: number) => [first, second].map(({ leases }) => leases.owns(one, dueMs))
    expect(owners(slotsAfterMs)).toEqual([true, false])
    expect(owners(slotsAfterMs + 1)).toEqual([false, true])
  })

  it('stops, the other one has everything within 2 s, from where it ended', async () => {
    const [first, second] = [await join('first'), await join('second')]
    await shared([first, second], [128, 128])
    const endMs = Date.now() - 100
    const its = first.leases.held.map(({ shard }) => shard)
    await first.leases.stop(endMs)
    await shared([second], [shards], 2_000)
    const taken = second.leases.held.filter(({ shard }) => its.includes(shard))
    expect(new Set(taken.map(({ slotsAfterMs }) => slotsAfterMs))).toEqual(new Set([endMs]))
    expect(second.said.at(-1)).toBe('took 128 shards (128 of first); holding 256 of 256')
    expect(await database.value('SELECT count(*)::integer FROM producer')).toBe(1)
  })

  it('dies, its shards are taken when its lease has ended, from the last slot that it could have begun', async () => {
    const { proxy, port } = await proxied()
    const [first, second] = [await join('first', { port }), await join('second')]
    await shared([first, second], [128, 128])
    proxy.freeze()
    const its = first.leases.held.map(({ shard }) => shard)
    const [{ until: diesAt }] = (await database.all(
      `SELECT slots_until AS until FROM producer WHERE name = 'first'`,
    )) as [{ until: Date }]
    expect(second.count).toBe(128)
    await shared([second], [shards])
    for (const { shard, slotsAfterMs } of second.leases.held)
      if (its.includes(shard)) expect(slotsAfterMs).toBeGreaterThanOrEqual(diesAt.getTime())
  })

  it('is cut off from the database, it keeps what it holds until it learns that others took it', async () => {
    const { proxy, port } = await proxied()
    const [first, second] = [await join('first', { port }), await join('second')]
    await shared([first, second], [128, 128])
    const one = websiteOf(first)
    proxy.freeze()
    await shared([second], [shards])
    expect(await first.leases.whileHeld(one, Date.now(), async () => 'checked')).toBe('checked')
    expect(first.said.join('\n')).toMatch(
      /renewing the leases failed: .*; the shards held here are checked all the same/,
    )
    proxy.thaw()
    await until(() => first.said.includes('lost 128 shards: others took them over; standing by'))
    await shared([first, second], [128, 128])
  })

  it('stands still past its lease, it asks before it checks anything, and drops what it was in the middle of', async () => {
    const first = await join('first')
    const one = websiteOf(first)
    let end: () => void = () => undefined
    const dueMs = Date.now()
    const check = () =>
      new Promise<string>((resolve) => {
        end = () => resolve('checked')
      })
    const running = first.leases.whileHeld(one, dueMs, check)
    await sleep(10)
    whileThisStandsStill(buryAll)
    end()
    expect(await running).toBeUndefined()
    let checks = 0
    await first.leases.whileHeld(one, dueMs, async () => checks++)
    expect(checks).toBe(0)
    await shared([first], [shards])
  })
})

describe('while the database is away', () => {
  it('all go on with what they hold, and nobody takes over when it is back', async () => {
    const ways = [await proxied(), await proxied()]
    const [first, second] = [await join('first', ways[0]), await join('second', ways[1])]
    await shared([first, second], [128, 128])
    const held = () => [first, second].map(({ leases }) => leases.held.map(({ shard }) => shard))
    const before = held()
    const [one, two] = [websiteOf(first), websiteOf(second)]
    for (const { proxy } of ways) proxy.freeze()
    await sleep(testTimes.lease + 1_000)
    for (const [member, its] of [
      [first, one],
      [second, two],
    ] as const)
      expect(await member.leases.whileHeld(its, Date.now(), async () => 'checked')).toBe('checked')
    for (const { proxy } of ways) proxy.thaw()
    await until(() => [first, second].every(({ said }) => said.includes('the database can be reached again')))
    await sleep(2 * testTimes.grace)
    expect(held()).toEqual(before)
  })
})

describe('through PgBouncer in transaction mode', () => {
  it.skipIf(findPgBouncer() === undefined)('three come and go as they do without', async () => {
    const bouncer = await startPgBouncer({ database: database.address })
    database.onStop(() => bouncer.stop())
    const { port } = bouncer.database
    const all = [await join('a', { port }), await join('b', { port }), await join('c', { port })]
    await shared(all, [86, 85, 85])
    await all[1]?.leases.stop(Date.now())
    await shared([all[0], all[2]] as Member[], [128, 128])
  })
})

it('who holds what is told, with the free ones last', async () => {
  await database.all(`INSERT INTO producer VALUES ('00000000-0000-4000-8000-000000000001', 'gone', now() - interval '1 h', now()),
                                                  ('00000000-0000-4000-8000-000000000002', 'here', now() + interval '1 h', now());
                      UPDATE producer_lease SET holder = '00000000-0000-4000-8000-000000000001' WHERE shard < 2;
                      UPDATE producer_lease SET holder = '00000000-0000-4000-8000-000000000002' WHERE shard > 9`)
  const holders = await readHolders(database.pool)
  expect(holders.map(({ name, shards, livesForMs }) => [name, shards.length, Math.sign(livesForMs)])).toEqual([
    ['here', 246, 1],
    ['gone', 2, -1],
    [null, 8, 0],
  ])
})
