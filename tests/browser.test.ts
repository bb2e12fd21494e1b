import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { Browser, Page as Tab } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { servePage } from '../bench/page/serve.ts'
import { findChromium, startChromium } from './helpers/browser.ts'
import { addWebsite, failing, storeChecks } from './helpers/pageData.ts'
import { createDatabase } from './helpers/stack.ts'
import { openStore, type Store } from './helpers/storing.ts'

const executable = findChromium()
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
let store: Store
let page: Awaited<ReturnType<typeof servePage>>
let browser: Browser
let ids: string[]

/** A tab in which whatever goes wrong is seen, blocked scripts and styles included. */
async function open(
  path: string,
  options: Parameters<Browser['newContext']>[0] = {},
): Promise<{ tab: Tab; wrong: string[] }> {
  const tab = await (await browser.newContext(options)).newPage()
  const wrong: string[] = []
  tab.on('pageerror', (error) => wrong.push(String(error)))
  tab.on('console', (message) => message.type() === 'error' && wrong.push(message.text()))
  tab.on('dialog', (dialog) => {
    wrong.push(dialog.message())
    void dialog.dismiss()
  })
  await tab.goto(page.url + path, { waitUntil: 'networkidle' })
  return { tab, wrong }
}

describe.skipIf(!executable)('the page in Chromium', () => {
  beforeAll(async () => {
    store = await openStore(await createDatabase())
    await store.pool.query('DELETE FROM website')
    ids = []
    for (const name of ['Alpha', 'Beta', 'Gamma', '<script>alert(1)</script>'])
      ids.push(await addWebsite(store.pool, name, { tags: ['shop'] }))
    for (const id of ids)
      await storeChecks(
        store,
        id,
        Array.from({ length: 90 }, (_, n) => 10 + n),
      )
    await storeChecks(store, ids[2] as string, [3, 2], failing)
    page = await servePage(store.address)
    browser = await startChromium(executable as string)
  })
  afterAll(async () => {
    await browser.close()
    await page.stop()
    await store.stop()
  })

  const shown = (tab: Tab) => tab.locator('.websites tbody th > a').allTextContents()

  it('loads, filters as you type, keeps that in its address, and opens a website', async () => {
    const { tab, wrong } = await open('/')
    expect(await shown(tab)).toEqual(['Gamma', '<script>alert(1)</script>', 'Alpha', 'Beta'])
    await tab.getByLabel('Filter').pressSequentially('bet')
    await expect.poll(() => shown(tab)).toEqual(['Beta'])
    expect(new URL(tab.url()).search).toBe('?q=bet')
    await tab.getByLabel('Filter').fill('')
    await tab.getByLabel('Sort by').selectOption('name')
    await expect.poll(() => shown(tab)).toEqual(['<script>alert(1)</script>', 'Alpha', 'Beta', 'Gamma'])
    await tab.getByRole('rowheader').getByRole('link', { name: 'Gamma' }).click()
    await tab.locator('#chart canvas').waitFor()
    expect(await tab.locator('h1').textContent()).toContain('Gamma')
    await tab.getByRole('link', { name: '90 days' }).click()
    await tab.locator('#chart canvas').waitFor()
    expect(wrong).toEqual([])
  })

  it('shows a change without a reload, and keeps what is being typed', async () => {
    const { tab, wrong } = await open('/')
    const detail = await open(`/websites/${ids[0]}`)
    await tab.getByLabel('Filter').pressSequentially('alph')
    await tab.evaluate(() => Object.assign(globalThis, { notReloaded: true }))
    await storeChecks(store, ids[0] as string, [1, 0], { ...failing, responseTimeMs: 4321 })
    await expect
      .poll(() => tab.locator('.websites .state').first().textContent(), { timeout: 15_000 })
      .toContain('http_status 503')
    await expect
      .poll(() => detail.tab.locator('#checks tbody tr').first().textContent(), { timeout: 15_000 })
      .toContain('4321 ms')
    expect(await tab.getByLabel('Filter').inputValue()).toBe('alph')
    expect(await tab.evaluate(() => 'notReloaded' in globalThis)).toBe(true)
    expect([...wrong, ...detail.wrong]).toEqual([])
  })

  it('is whole without JavaScript', async () => {
    const { tab } = await open('/', { javaScriptEnabled: false })
    expect(await shown(tab)).toHaveLength(4)
    await tab.getByLabel('Filter').fill('beta')
    await tab.getByRole('button', { name: 'Show' }).click()
    expect(await shown(tab)).toEqual(['Beta'])
    await tab.getByRole('rowheader').getByRole('link', { name: 'Beta' }).click()
    expect(await tab.locator('.plain-chart').isVisible()).toBe(true)
  })

  for (const colorScheme of ['light', 'dark'] as const) {
    it(`has its own colours when it is ${colorScheme}, and axe finds nothing serious`, async () => {
      for (const path of ['/', `/websites/${ids[2]}`]) {
        const { tab } = await open(path, { colorScheme })
        const ground = await tab.evaluate('getComputedStyle(document.body).backgroundColor')
        expect(ground).toBe(colorScheme === 'dark' ? 'rgb(20, 23, 26)' : 'rgb(251, 251, 250)')
        await tab.evaluate(axe)
        const found = (await tab.evaluate('axe.run()')) as {
          violations: { id: string; impact: string; nodes: { html: string }[] }[]
        }
        const serious = found.violations.filter(({ impact }) => impact === 'serious' || impact === 'critical')
        expect(serious.map(({ id, nodes }) => `${id}: ${nodes[0]?.html}`)).toEqual([])
      }
    })
  }

  it('does not scroll sideways on a phone', async () => {
    for (const path of ['/', `/websites/${ids[2]}`]) {
      const { tab } = await open(path, { viewport: { width: 390, height: 844 } })
      expect(await tab.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(390)
    }
  })
})
