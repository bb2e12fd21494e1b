import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { readCosts, withSettings } from '../bench/capacity/costs.ts'
import { limitsOf } from '../bench/capacity/limits.ts'
import { capacityOf } from '../bench/capacity/model.ts'
import { bytesPerRow } from '../src/database/volume.ts'
import { commandsOf } from './helpers/fencedBlocks.ts'

const page = readFileSync(new URL('../docs/capacity.md', import.meta.url), 'utf8')
const costs = readCosts()

/** As the command of package.json does. */
async function simulate(...options: string[]): Promise<{ code: number; out: string; err: string }> {
  const command = ['--import', 'tsx', 'bench/simulate.ts', ...options]
  return await promisify(execFile)(process.execPath, command).then(
    ({ stdout, stderr }) => ({ code: 0, out: stdout, err: stderr }),
    ({ code, stdout, stderr }) => ({ code, out: stdout, err: stderr }),
  )
}

/** The tables in a text, each as it stands. */
function tables(text: string): string[] {
  return text.match(/(^\|.*\n)+/gm) ?? []
}

describe('docs/capacity.md', () => {
  it('has the tables that the command prints, in their order', async () => {
    const [model, ofCosts] = await Promise.all([simulate(), simulate('--costs')])
    const printed = [...tables(model.out), ...tables(ofCosts.out)]
    expect(printed).toHaveLength(5)
    const places = printed.map((table) => page.indexOf(table))
    expect(places, 'run npm run simulate, and put its tables into docs/capacity.md').not.toContain(-1)
    expect(places).toEqual(places.toSorted((a, b) => a - b))
  })

  it('has commands that run', async () => {
    const commands = commandsOf('docs/capacity.md').filter((command) => command.startsWith('npm run simulate'))
    expect(commands.length).toBeGreaterThan(1)
    for (const command of commands) {
      const [, options = ''] = command.split(' -- ')
      expect((await simulate(...options.split(' ').filter(Boolean))).code, command).toBe(0)
    }
  })

  it('names benchmarks that are there', () => {
    const scripts = Object.keys(JSON.parse(readFileSync('package.json', 'utf8')).scripts)
    for (const [, script] of page.matchAll(/`(?:npm run )?(bench:\w+)/g)) expect(scripts).toContain(script)
  })
})

describe('npm run simulate', () => {
  it('takes costs of a reader', async () => {
    const usual = await simulate('--websites', '1000000', '--interval', '60')
    const own = await simulate('--websites', '1000000', '--interval', '60', '--set', 'check_https=386')
    expect(usual.out).toMatch(/^\| their processor +\| 13 cores +\|$/m)
    expect(own.out).toMatch(/^\| their processor +\| 6.4 cores +\|$/m)
  })

  it('says what it does, and what it cannot take', async () => {
    const help = await simulate('--help')
    expect(help).toMatchObject({ code: 0, err: '' })
    expect(help.out).toContain('--set NAME=VALUE')
    for (const [options, message] of [
      [['--websites', 'many'], '--websites many: expected whole numbers from 1 on, parted by commas'],
      [['--websites', '1,2', '--interval', '1,2,3'], '--interval 1,2,3: expected one, or 2, as many as --websites has'],
      [['--set', 'check=1'], 'check is no unit cost; there are https_share, headroom'],
      [['--set', 'replicas=three'], '--set replicas=three: expected replicas=NUMBER, such as replicas=3'],
      [['--set', 'replicas='], '--set replicas=: expected replicas=NUMBER, such as replicas=3'],
    ] as const) {
      const { code, out, err } = await simulate(...options)
      expect({ code, out }, err).toEqual({ code: 2, out: '' })
      expect(err).toContain(message)
    }
  })
})

describe('the model', () => {
  it('reckons rows as the consumer does at its start', () => {
    const rowCosts = ['entry_row', 'hour_row', 'day_row'].map((name) => costs.get(name)?.value)
    expect(rowCosts).toEqual([bytesPerRow.entry, bytesPerRow.hour, bytesPerRow.day])
    const { checks, databaseBytesADay } = capacityOf({ websites: 1_000, intervalSeconds: 30 }, costs)
    expect(checks).toBeCloseTo(33.3, 1)
    expect(databaseBytesADay).toBe(2_880_000 * bytesPerRow.entry + 24_000 * bytesPerRow.hour + 1_000 * bytesPerRow.day)
  })

  it('gives the busiest producer no more than its core has room for, with shards that are given out whole', () => {
    const roomy = withSettings(costs, ['database_disk=1e9', 'consumer_rate=1e9'])
    for (let websites = 1_000; websites <= 8_000_000; websites = Math.ceil(websites * 1.3)) {
      const { webmons, producers, busiestProducer } = capacityOf({ websites, intervalSeconds: 60 }, roomy)
      expect(webmons).toBe(1)
      expect(busiestProducer, `${producers} producers for ${websites}`).toBeLessThanOrEqual(0.5)
      expect(producers).toBeLessThanOrEqual(256)
    }
  })

  it('starts another webmon where one limit of a single one is passed, and not before', () => {
    const limits = limitsOf(60, costs)
    for (const what of ['one PostgreSQL, disk', 'one PostgreSQL, rows', '256 shards']) {
      const limit = limits.find((one) => one.what.startsWith(what))?.websites as number
      const others = { 'one PostgreSQL, disk': 'consumer_rate=1e9', 'one PostgreSQL, rows': 'database_disk=1e9' }
      const settings =
        what in others ? [others[what as keyof typeof others]] : ['consumer_rate=1e9', 'database_disk=1e9']
      const only = withSettings(costs, settings)
      expect(capacityOf({ websites: Math.floor(limit), intervalSeconds: 60 }, only).webmons, what).toBe(1)
      expect(capacityOf({ websites: Math.ceil(limit * 1.001), intervalSeconds: 60 }, only).webmons, what).toBe(2)
    }
  })

  it('knows the first limit of each size', () => {
    const firstOf = (...settings: string[]) => limitsOf(60, withSettings(costs, settings))[0]?.what
    expect(firstOf()).toMatch(/name server/)
    expect(firstOf('dns_server=1e9')).toMatch(/one producer/)
    expect(firstOf('dns_server=1e9', 'database_disk=0.001')).toMatch(/PostgreSQL, disk/)
  })
})
