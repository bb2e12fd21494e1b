import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { CheckEntry } from '../src/checkEntry.ts'
import { NetworkDoubt } from '../src/networkDoubt.ts'
import { checkEntry } from './helpers/entries.ts'
import { type NetworkNamespace, networkNamespaces, startNetworkNamespace } from './helpers/networkNamespace.ts'
import { Service, stopServices, until } from './helpers/services.ts'
import { createStack, type Stack } from './helpers/stack.ts'
import { silent } from './helpers/storing.ts'

/** What is made of checks that end one after the other: each is a website's, and a network error where it is a capital. */
function judged(checks: string, error = 'refused'): { suspect: string; told: string[] } {
  const told: string[] = []
  const note = (first: unknown) => told.push(String(first))
  const doubt = new NetworkDoubt({ info: note, warn: note } as never)
  const suspect = [...checks].filter((website) => {
    const failed = website !== website.toLowerCase()
    const result: Partial<CheckEntry> = failed ? { httpStatus: 0, error, available: false } : {}
    return doubt.judge(checkEntry({ websiteId: website.toLowerCase(), ...result })).suspectSince !== null
  })
  return { suspect: suspect.join(''), told }
}

describe('the network is in doubt', () => {
  it('from the fifth website on that fails, and until half of them are well', () => {
    expect(judged('abcdeABCDEFGhijABCDEFGabcdefgA')).toEqual({
      suspect: 'EFGABCDEFG',
      told: [
        'the network of this machine is in doubt: 5 of 5 websites fail with a network error',
        'the network of this machine is no longer in doubt',
      ],
    })
  })

  it('never because of fewer than five websites, however often they fail', () => {
    expect(judged('ABCDABCDABCDABCD').suspect).toBe('')
  })

  it('never because of a minority, and not for what is no network error', () => {
    expect(judged('AbcBdeCfgDhiEjk').suspect).toBe('')
    expect(judged('ABCDEF', 'tls').suspect).toBe('')
  })

  it('in all its entries since the first of these failures', () => {
    const doubt = new NetworkDoubt(silent)
    const at = (second: number) => new Date(1_800_000_000_000 + second * 1000)
    const entries = [...'abcdefg'].map((websiteId, n) =>
      doubt.judge(checkEntry({ websiteId, timestamp: at(n), httpStatus: 0, error: 'timeout', available: false })),
    )
    expect(entries.map(({ suspectSince }) => suspectSince)).toEqual([null, null, null, null, at(0), at(0), at(0)])
  })
})

describe.skipIf(!networkNamespaces)('the network of the producer is cut, and comes back', () => {
  let stack: Stack
  let network: NetworkNamespace
  beforeAll(async () => {
    network = await startNetworkNamespace()
    stack = await createStack()
  })
  afterAll(async () => {
    await stopServices()
    await Promise.all([stack.stop(), network.stop()])
  })

  it('without an incident, but for the website that fails afterwards', async () => {
    await new Service('consumer', stack.env).logged(/^started$/)
    await stack.pool.query('DELETE FROM website')
    await stack.pool.query(
      `INSERT INTO website (name, url, interval, timeout)
       SELECT path, $1 || path, 1, 1 FROM unnest(string_to_array('/a /b /c /d /e /f /g /h /i /down', ' ')) AS path`,
      [network.url],
    )
    const producer = new Service('producer', { ...stack.env, WEBMON_MONITORING_INTERVAL: '1' })
    const count = async (where: string) =>
      (await stack.pool.query(`SELECT count(*)::integer AS n FROM check_entry WHERE ${where}`)).rows[0].n as number
    await until(async () => (await count('available')) >= 20)

    network.pull()
    await producer.logged(/^the network of this machine is in doubt: 5 of \d+ websites fail/)
    await until(async () => (await count('suspect')) >= 30)
    network.plug()
    await producer.logged(/^the network of this machine is no longer in doubt$/)
    await until(
      async () =>
        (await count(`available AND "timestamp" > (SELECT max("timestamp") FROM check_entry
                                                                      WHERE suspect)`)) >= 20,
    )
    expect((await stack.pool.query('SELECT * FROM incident')).rows).toEqual([])

    await fetch(`${network.url}/break`)
    const incident = await until(async () => (await stack.pool.query('SELECT * FROM incident')).rows[0])
    expect(incident).toMatchObject({ cause: 'http_status 503', ended: null, announced: true, retracted: false })
  })
})
