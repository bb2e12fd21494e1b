import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, describe, expect, it } from 'vitest'
import { phaseOf, Schedule, type Turn } from '../src/schedule.ts'
import type { Website } from '../src/website.ts'
import { website as one } from './helpers/entries.ts'

function website(n: number, more: Partial<Website> = {}): Website {
  return one({ id: `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`, name: `website ${n}`, ...more })
}

function websites(count: number): Website[] {
  return Array.from({ length: count }, (_, n) => website(n))
}

describe('a schedule', () => {
  const turns: Turn[] = []
  let schedule: Schedule
  const start = () => {
    turns.length = 0
    schedule = new Schedule((turn) => turns.push(turn))
    return schedule
  }
  afterEach(() => schedule.stop())

  it('has each website due once in each interval, at its phase and never before it', async () => {
    start()
    const dueAt: number[] = []
    schedule = new Schedule((turn) => {
      turns.push(turn)
      dueAt.push(Date.now() - turn.dueMs)
    })
    schedule.replace(websites(50), 1)
    await sleep(3_500)
    schedule.stop()
    const slots = new Map<string, number[]>()
    for (const { website, dueMs } of turns) {
      expect((dueMs - phaseOf(website.id, 1_000)) % 1_000).toBe(0)
      const before = slots.get(website.id) ?? []
      if (before.length > 0) expect(dueMs - (before.at(-1) as number)).toBe(1_000)
      slots.set(website.id, [...before, dueMs])
    }
    expect(slots.size).toBe(50)
    for (const times of slots.values()) expect(times.length).toBeGreaterThanOrEqual(3)
    expect(Math.min(...dueAt)).toBeGreaterThanOrEqual(0)
  })

  it('spreads websites evenly over the interval', () => {
    const tenths = new Array<number>(10).fill(0)
    for (const { id } of websites(10_000)) {
      const tenth = Math.floor(phaseOf(id, 30_000) / 3_000)
      tenths[tenth] = (tenths[tenth] ?? 0) + 1
    }
    for (const count of tenths) expect(Math.abs(count - 1_000)).toBeLessThan(150)
  })

  it('does not hold one of few websites up because another one was due just before', async () => {
    const intervalMs = 60_000
    const soonMs = Date.now() + 500
    const isSoon = ({ id }: Website) =>
      (phaseOf(id, intervalMs) + intervalMs - (soonMs % intervalMs)) % intervalMs < 100
    const [first, second] = websites(10_000).filter(isSoon) as [Website, Website]
    const lateMs: number[] = []
    schedule = new Schedule(({ dueMs }) => lateMs.push(Date.now() - dueMs))
    schedule.replace([first, second], intervalMs / 1_000)
    await sleep(1_500)
    expect(lateMs).toHaveLength(2)
    expect(Math.max(...lateMs)).toBeLessThan(500)
  })

  it('takes up a changed website without losing or doubling its slot', async () => {
    start().replace([website(1)], 1)
    for (let n = 0; n < 20; n++) {
      await sleep(100)
      schedule.replace([website(1, { url: `http://127.0.0.1/${n}` })], 1)
    }
    const [first, ...others] = turns.map(({ dueMs }) => dueMs) as [number, ...number[]]
    expect(others).toEqual(others.map((_, n) => first + (n + 1) * 1_000))
    expect(others.length).toBeGreaterThan(0)
    expect(turns.at(-1)?.website.url).toMatch(/\/\d+$/)
  })

  it('has an interval of its own for a website that names one, also when that changes', async () => {
    start().replace([website(1, { interval: 1 }), website(2, { interval: 3600 })], 60)
    await sleep(2_200)
    expect(turns.filter(({ website: { name } }) => name === 'website 1').length).toBeGreaterThanOrEqual(2)
    schedule.replace([website(1, { interval: 3600 })], 60)
    const before = turns.length
    await sleep(1_500)
    expect(turns.length).toBe(before)
  })

  it('stops checking a website that is gone from the list', async () => {
    start().replace([website(1), website(2)], 1)
    schedule.replace([website(2)], 1)
    expect(schedule.size).toBe(1)
    await sleep(1_500)
    expect(turns.map(({ website: { name } }) => name)).not.toContain('website 1')
    expect(turns.length).toBeGreaterThan(0)
  })

  it('counts the slots that passed while the process was asleep, and runs the newest once', async () => {
    start().replace([website(1)], 1)
    const wakeAt = Date.now() + 3_300
    while (Date.now() < wakeAt); // a stopped process, a machine that slept: nothing of ours runs meanwhile
    await sleep(50)
    expect(turns[0]?.missed).toBeGreaterThanOrEqual(2)
    expect(wakeAt - (turns[0]?.dueMs ?? 0)).toBeLessThan(1_000)
  })
})
