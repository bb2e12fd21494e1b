import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { encode } from '../src/message.ts'
import { checkEntry } from './helpers/entries.ts'
import { Service, stopServices, until } from './helpers/services.ts'
import { createStack, type Stack } from './helpers/stack.ts'
import { drained, lags, publish } from './helpers/topic.ts'

let stack: Stack
let consumer: Service
beforeAll(async () => {
  stack = await createStack()
  consumer = new Service('consumer', stack.env)
  await consumer.logged(/^joined the group$/)
})
afterAll(async () => {
  await stopServices()
  await stack.stop()
})
afterEach(() => {
  // None of it has cost the consumer its place in the group.
  expect(consumer.log.filter(({ msg }) => msg === 'joined the group')).toHaveLength(1)
})

async function count(table: string): Promise<number> {
  const { rows } = await stack.pool.query<{ n: number }>(`SELECT count(*)::integer AS n FROM ${table}`)
  return rows[0]?.n as number
}

const raising = (code: string, message: string) => `
  CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE '${message}' USING ERRCODE = '${code}'; END $$;
  CREATE TRIGGER fail BEFORE INSERT ON check_entry FOR EACH ROW EXECUTE FUNCTION fail()`
const noRaising = 'DROP FUNCTION fail CASCADE'

const faults: [string, string, string, RegExp][] = [
  // The first of all: what the others leave would not fit the index.
  [
    'has a unique index into which an entry does not fit (23505)',
    'CREATE UNIQUE INDEX mine ON check_entry (regex_match, "timestamp")',
    'DROP INDEX mine',
    /duplicate key value violates unique constraint/,
  ],
  ['has a full disk (53100)', raising('53100', 'could not extend file'), noRaising, /could not extend file/],
  [
    'lacks a table (42P01)',
    'ALTER TABLE check_hour RENAME TO away',
    'ALTER TABLE away RENAME TO check_hour',
    /relation "check_hour" does not exist/,
  ],
  [
    'denies a right (42501)',
    'REVOKE INSERT ON check_entry FROM CURRENT_USER',
    'GRANT INSERT ON check_entry TO CURRENT_USER',
    /permission denied for table check_entry/,
  ],
]

describe('the consumer, when the database', () => {
  it.each(faults)('%s, tries again until that is mended, and skips nothing', async (_, fault, cure, said) => {
    const [entries, deadLetters, lines] = [await count('check_entry'), await count('dead_letter'), consumer.log.length]
    await stack.pool.query(fault)
    const websiteIds = [1, 2].map((n) => `00000000-0000-4000-8000-00000000000${n}`)
    const timestamp = new Date()
    const good = websiteIds.map((websiteId) => encode(checkEntry({ websiteId, timestamp })))
    await publish(stack, [...good, 'hello'], { partition: 0 })
    const failed = () => consumer.log.slice(lines).filter(({ msg }) => /^storing failed: .*; trying again in/.test(msg))
    await until(() => failed().length >= 2)
    // Told once, and again in a minute; each attempt is there at DEBUG.
    for (const [n, { level, msg }] of failed().entries())
      expect({ level, msg }).toEqual({ level: n === 0 ? 'warn' : 'debug', msg: expect.stringMatching(said) })
    expect(await count('dead_letter')).toBe(deadLetters)
    expect(Object.values(await lags(stack)).reduce((sum, lag) => sum + lag, 0)).toBe(3)
    await stack.pool.query(cure)
    await drained(stack)
    expect(await count('check_entry')).toBe(entries + 2)
    expect(await count('dead_letter')).toBe(deadLetters + 1)
  })

  it('ends its sessions, stores what they had under way through new ones', async () => {
    const entries = await count('check_entry')
    await stack.pool.query(
      `CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.1); RETURN NEW; END $$;
       CREATE TRIGGER fail BEFORE INSERT ON check_entry FOR EACH ROW EXECUTE FUNCTION fail()`,
    )
    await publish(
      stack,
      Array.from({ length: 20 }, () => encode(checkEntry())),
      { partition: 0 },
    )
    const storing = `FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'`
    await until(async () => (await stack.pool.query(`SELECT pg_terminate_backend(pid) ${storing}`)).rows.length > 0)
    await consumer.logged(/^storing failed: terminating connection due to administrator command; trying again in/)
    await drained(stack)
    await stack.pool.query(noRaising)
    expect(await count('check_entry')).toBe(entries + 20)
  })
})
