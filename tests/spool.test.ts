import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { ClassicLevel } from 'classic-level'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { SpoolEntry } from '../src/spool/store.ts'
import { Spool } from '../src/spool.ts'
import { until } from './helpers/services.ts'
import { mountSmallDisk, smallDisks } from './helpers/smallDisk.ts'

const portion = { entries: 1_000, bytes: 500_000 }
const log: string[] = []
const note = (line: unknown, text?: unknown) => void log.push(String(text ?? line))
const logger = { trace: note, debug: note, info: note, warn: note, error: note, fatal: note }
const opened: Spool[] = []
/** `producer.spool.path`, and in it the folder of a producer that has it for itself. */
let root: string
let folder: string

beforeEach(() => {
  log.length = 0
  root = mkdtempSync(path.join(tmpdir(), 'webmon-spool-test-'))
  folder = path.join(root, '1')
})
afterEach(async () => {
  for (const spool of opened.splice(0)) await spool.close()
  rmSync(root, { recursive: true, force: true })
})

async function open(limitBytes = 1e9, at = root): Promise<Spool> {
  const spool = await Spool.open({ path: at, limitBytes }, logger, new AbortController().signal)
  opened.push(spool)
  return spool
}

async function close(spool: Spool): Promise<void> {
  opened.splice(opened.indexOf(spool), 1)
  await spool.close()
}

function add(spool: Spool, from: number, to: number): Promise<unknown> {
  return Promise.all(Array.from({ length: to - from + 1 }, (_, n) => spool.add('key', `value ${from + n}`)))
}

async function takeAll(spool: Spool): Promise<SpoolEntry[]> {
  spool.finish()
  const all: SpoolEntry[] = []
  for (;;) {
    const taken = await spool.take(portion, 0)
    if (taken.length === 0) return all
    all.push(...taken)
  }
}

const values = (entries: SpoolEntry[]) => entries.map(({ value }) => value)
const numbered = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, n) => `value ${from + n}`)

function newest(ending: string): string {
  const files = readdirSync(folder).filter((name) => name.endsWith(ending) || name.startsWith(ending))
  return path.join(folder, files.sort().at(-1) as string)
}

describe('the spool', () => {
  it('has on disk what was added, through a kill -9 at any moment', async () => {
    const script = `
      import { Spool } from './src/spool.ts'
      const silent = Object.fromEntries(['trace', 'debug', 'info', 'warn', 'error', 'fatal'].map((name) => [name, () => {}]))
      const spool = await Spool.open({ path: ${JSON.stringify(root)}, limitBytes: 1e9 }, silent, new AbortController().signal)
      let last = 0
      const one = async () => {
        for (;;) {
          const number = ++last
          await spool.add('key', 'value ' + number)
          process.stdout.write(number + '\\n')
        }
      }
      for (let n = 0; n < 50; n++) void one()`
    const safe = new Set<string>()
    const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '--eval', script])
    createInterface({ input: child.stdout }).on('line', (line) => {
      safe.add(`value ${line}`)
      if (safe.size === 3_000) child.kill('SIGKILL')
    })
    await once(child, 'close')
    const found = values(await takeAll(await open()))
    expect(safe.size).toBeGreaterThanOrEqual(3_000)
    for (const value of safe) expect(found).toContain(value)
    expect(new Set(found).size).toBe(found.length)
    expect(found.length - safe.size).toBeLessThanOrEqual(50)
  })

  it('gives out again after a start what was not removed, in order, and numbers on', async () => {
    const first = await open()
    await add(first, 1, 2_500)
    const taken = await first.take(portion, 0)
    expect(values(taken)).toEqual(numbered(1, 1_000))
    first.remove(taken.slice(0, 900))
    expect(first.entries).toBe(1_600)
    const { bytes } = first
    await close(first)

    const second = await open()
    expect(log).toEqual([`the spool ${folder} holds 1600 check entries, to be published first`])
    expect([second.entries, second.bytes]).toEqual([1_600, bytes])
    await add(second, 2_501, 2_600)
    const again = await takeAll(second)
    expect(values(again)).toEqual(numbered(901, 2_600))
    expect(again.map(({ sequence }) => sequence)).toEqual(Array.from({ length: 1_700 }, (_, n) => 901 + n))
    second.remove(again)
    expect([second.entries, second.bytes]).toEqual([0, 0])
  })

  it('gives out each entry once and in order, however far behind its taker is', async () => {
    const spool = await open()
    const taken: SpoolEntry[] = []
    let added = 0
    const adding = (async () => {
      // Bursts that the memory holds, and bursts that it does not hold.
      for (const burst of [10, 6_000, 1, 3_000, 9_000, 500, 20_000]) {
        await add(spool, added + 1, added + burst)
        added += burst
        await sleep(burst % 7)
      }
    })()
    while (taken.length < 38_511) {
      const some = await spool.take(portion, 5)
      expect(some.length).toBeLessThanOrEqual(1_000)
      taken.push(...some)
      if (taken.length % 3 === 0) await sleep(3)
      if (taken.length % 2 === 0) spool.remove(some)
    }
    await adding
    expect(values(taken)).toEqual(numbered(1, 38_511))
  })

  it('makes a portion no larger than asked for, but always of one entry', async () => {
    const spool = await open()
    await Promise.all([300, 300, 300, 2_000].map((length) => spool.add('key', 'x'.repeat(length))))
    const lengths = async (entries: number) =>
      values(await spool.take({ entries, bytes: 700 }, 0)).map((text) => text.length)
    expect([await lengths(1), await lengths(9), await lengths(9)]).toEqual([[300], [300, 300], [2_000]])
  })

  it('waits for more entries until a portion is full or its time is over', async () => {
    const spool = await open()
    await add(spool, 1, 1)
    const startMs = performance.now()
    setTimeout(() => void add(spool, 2, 2), 50)
    expect(values(await spool.take(portion, 200))).toEqual(numbered(1, 2))
    expect(performance.now() - startMs).toBeGreaterThan(195)
    await add(spool, 3, 1_100)
    const fullMs = performance.now()
    expect(await spool.take(portion, 5_000)).toHaveLength(1_000)
    expect(performance.now() - fullMs).toBeLessThan(1_000)
  })

  it('says when 95 % of the limit is reached, goes on taking entries, and says when there is room again', async () => {
    const spool = await open(1_000_000)
    const told: (string | undefined)[] = []
    spool.onBlocked((reason) => told.push(reason))
    const entry = () => spool.add('key', 'x'.repeat(9_985))
    for (let n = 0; n < 94; n++) await entry()
    expect(told).toEqual([])
    await entry()
    const full = `the spool (${folder}) is full: Kafka has not acknowledged 950kB, and the limit is 1MB`
    expect(told).toEqual([full])
    for (let n = 0; n < 10; n++) await entry()
    expect(spool.bytes).toBe(1_050_000)
    const taken = await spool.take(portion, 0)
    spool.remove(taken.slice(0, 15))
    expect(told).toEqual([full])
    spool.remove(taken.slice(15, 16))
    expect(told).toEqual([full, undefined])
  })

  it('stays full at a start, until there is room', async () => {
    const first = await open(1_000_000)
    for (let n = 0; n < 96; n++) await first.add('key', 'x'.repeat(9_985))
    await close(first)
    const told: unknown[] = []
    ;(await open(1_000_000)).onBlocked((reason) => told.push(reason))
    expect(told).toEqual([expect.stringContaining('is full')])
  })

  it('leaves little on the disk of what is gone', async () => {
    const spool = await open()
    for (let n = 0; n < 20; n++) {
      await add(spool, 1, 5_000)
      for (let taken = 0; taken < 5_000; ) {
        const some = await spool.take(portion, 0)
        taken += some.length
        spool.remove(some)
      }
    }
    const bytes = readdirSync(folder).reduce((sum, name) => sum + statSync(path.join(folder, name)).size, 0)
    expect(bytes).toBeLessThan(20_000_000)
  })
})

describe('a spool in memory', () => {
  it('is warned of at each start, and works as the other', async () => {
    const spool = await open(1e9, '')
    expect(log).toEqual([
      'producer.spool.path is empty: check entries are kept in memory alone; those that Kafka has not acknowledged are lost when this process ends',
    ])
    expect(spool.durable).toBe(false)
    await add(spool, 1, 10_000)
    const taken = await takeAll(spool)
    expect(values(taken)).toEqual(numbered(1, 10_000))
    spool.remove(taken)
    expect(spool.entries).toBe(0)
  })

  it('holds at most 100 MB', async () => {
    const spool = await open(1e9, '')
    const told: unknown[] = []
    spool.onBlocked((reason) => told.push(reason))
    const text = 'x'.repeat(999_985)
    for (let n = 0; n < 95; n++) await spool.add('key', text)
    expect(told).toEqual(['the spool (memory) is full: Kafka has not acknowledged 95MB, and the limit is 100MB'])
  })
})

describe('a spool that cannot be used is told of in one line:', () => {
  it('a file in place of the folder', async () => {
    const file = path.join(root, 'file')
    writeFileSync(file, '')
    await expect(open(1e9, file)).rejects.toThrow(
      `producer.spool.path: ${file} cannot be used (EEXIST: file already exists, mkdir '${file}'): it must be a folder in which this user can write, on a disk with room`,
    )
    const below = path.join(file, 'spool')
    await expect(open(1e9, below)).rejects.toThrow(
      /cannot be used \(ENOTDIR: not a directory, mkdir '.*'\): it must be/,
    )
  })

  it('a folder in which nothing can be written', async () => {
    mkdirSync(path.join(folder, 'LOCK'), { recursive: true })
    await expect(open()).rejects.toThrow(
      /^producer\.spool\.path: .* cannot be used \(.*LOCK: Is a directory\): it must be/,
    )
  })
})

describe('a damaged spool', () => {
  it('is told of and stays, and the next folder is taken; what LevelDB can repair is there again then', async () => {
    const spool = await open()
    await add(spool, 1, 100)
    await close(spool)
    writeFileSync(newest('MANIFEST-'), 'not what LevelDB has written')
    const second = await open()
    expect(second.name).toBe(path.join(root, '2'))
    expect(log).toEqual([
      expect.stringMatching(
        /^producer\.spool\.path: the spool in \S+\/1 is damaged \(Corruption: .*\): move this folder away; what it holds can perhaps be repaired \(README, "The spool"\)$/,
      ),
    ])
    await ClassicLevel.repair(folder)
    expect(values(await takeAll(await open()))).toEqual(numbered(1, 100))
  })
})

describe('a spool whose newest log is damaged', () => {
  it('starts with all that is before a torn end, as a crash of the machine leaves it', async () => {
    const spool = await open()
    for (let n = 1; n <= 50; n++) await add(spool, n, n)
    const written = newest('.log')
    const { size } = statSync(written)
    await close(spool)
    truncateSync(written, size - 5)
    expect(values(await takeAll(await open()))).toEqual(numbered(1, 49))
  })

  it('says how much cannot be read in its middle', async () => {
    const spool = await open()
    for (let n = 1; n <= 50; n++) await add(spool, n, n)
    const written = newest('.log')
    await close(spool)
    const bytes = readFileSync(written)
    bytes.writeUInt8(0, Math.floor(bytes.length / 2))
    writeFileSync(written, bytes)
    await open()
    expect(log[0]).toMatch(/^\d+ bytes of the spool .* cannot be read, and are lost: look after its disk$/)
  })
})

describe.skipIf(!smallDisks)('a spool on a full disk (tmpfs)', () => {
  it('takes entries in when there is room again, and has lost none', async () => {
    const disk = mountSmallDisk(root, 60)
    try {
      const spool = await open()
      const told: (string | undefined)[] = []
      spool.onBlocked((reason) => told.push(reason))
      await add(spool, 1, 1_000)
      disk.fill()
      const adding = add(spool, 1_001, 20_000)
      await until(() => told.some((reason) => reason?.includes('cannot be written')))
      expect(told.at(-1)).toMatch(/^the spool \(.*\) cannot be written: IO error: .*: No space left on device$/)
      // What is there can be read all the while.
      expect(await spool.take(portion, 0)).toHaveLength(1_000)
      await sleep(2_500)
      disk.empty()
      await adding
      await until(() => told.at(-1) === undefined)
      await close(spool)
      const again = await open()
      expect(values(await takeAll(again))).toEqual(numbered(1, 20_000))
      await close(again)
    } finally {
      for (const spool of opened.splice(0)) await spool.close()
      disk.unmount()
    }
  })

  it('stops new checks before the disk is full, so that what is there stays of use', async () => {
    const disk = mountSmallDisk(root, 60)
    try {
      const spool = await open()
      const told: (string | undefined)[] = []
      spool.onBlocked((reason) => told.push(reason))
      disk.fill(4)
      await until(() => told.length === 1)
      expect(told[0]).toMatch(
        /^the spool \(.*\) is short of room: its disk has \d(\.\d+)?MB left, and the last 6(\.\d+)?MB are kept for what is there: make room$/,
      )
      await add(spool, 1, 10)
      disk.empty()
      await until(() => told.length === 2)
      expect(told[1]).toBe(undefined)
    } finally {
      for (const spool of opened.splice(0)) await spool.close()
      disk.unmount()
    }
  })
})
