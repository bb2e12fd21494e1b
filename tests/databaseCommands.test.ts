import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createStack, type Stack } from './helpers/stack.ts'
import { configFile, webmon, webmonJson } from './helpers/webmon.ts'

let stack: Stack
let env: Record<string, string>
beforeEach(async () => {
  stack = await createStack()
  env = { ...stack.env, WEBMON_CONFIG_FILE: configFile, WEBMON_DATABASE_MIGRATE: 'false' }
})
afterEach(() => stack.stop())

describe('webmon database', () => {
  it('migrate makes the tables and their partitions, and once more changes nothing', async () => {
    const made = await webmon(['database', 'migrate'], env)
    expect(made.code).toBe(0)
    expect(made.out).toMatch(/^the tables are up to date \(\d+\)\n$/)
    expect(made.err).toMatch(/^migration 0001_tables applied$/m)
    const { rows } = await stack.pool.query("SELECT FROM pg_inherits WHERE inhparent = 'check_entry'::regclass")
    expect(rows.length).toBeGreaterThan(30)
    expect(await webmonJson(['database', 'migrate'], env)).toMatchObject({ applied: [] })
  })

  it('status tells by its exit code whether the tables are up to date', async () => {
    const before = await webmon(['database', 'status'], env)
    expect(before).toMatchObject({ code: 1, err: '' })
    expect(before.out).toMatch(/^older: 0001_tables, .* not applied; run webmon database migrate\n$/)
    await webmon(['database', 'migrate'], env)
    expect(await webmon(['database', 'status'], env)).toMatchObject({ code: 0, err: '' })
    await stack.pool.query("INSERT INTO webmon_migration (version, name) VALUES (9999, '9999_future')")
    const newer = await webmon(['database', 'status'], env)
    expect(newer.code).toBe(0)
    expect(newer.out).toMatch(/^up to date \(9999, of a newer webmon; this one knows \d+\)\n$/)
  })

  it('migrate says why it may not', async () => {
    await stack.pool.query('CREATE TABLE webmon_migration (version integer, name varchar)')
    await stack.pool.query('CREATE TABLE check_hour (something integer)')
    const { code, err } = await webmon(['database', 'migrate'], env)
    expect(code).toBe(1)
    expect(err).toMatch(/^migration 000\d_\w+ failed/m)
  })

  it('has help on every level', async () => {
    expect((await webmon(['database', '--help'])).out).toMatch(/migrate.*status/s)
    expect((await webmon(['database', 'migrate', '--help'])).out).toMatch(/--config.*database\.migrate: false/s)
    expect((await webmon(['database'])).code).toBe(2)
  })
})
