/**
 * The screenshots of the README, of a made-up list of websites. Needs Chromium.
 *
 *     npm run screenshots
 */
import { startPostgres } from '../local/postgres.ts'
import { migrate } from '../src/database/migrations.ts'
import { findChromium, startChromium } from '../tests/helpers/browser.ts'
import { openPool } from '../tests/helpers/stackEnv.ts'
import { inventWebsites } from './page/invent.ts'
import { servePage } from './page/serve.ts'

const executable = findChromium()
if (!executable) throw new Error('there is no chromium on the path')
const folder = process.argv[2] ?? 'docs/images'
const quiet = { info: () => undefined, warn: console.error, debug: () => undefined }
const postgres = await startPostgres({ unsafe: true })
const pool = openPool(postgres.database)
await migrate(pool, { logger: quiet })
await inventWebsites(pool)
await pool.query('ANALYZE')
const page = await servePage(postgres.database)
const browser = await startChromium(executable)
try {
  const { rows } = await pool.query(`SELECT website_id AS id FROM website WHERE name = 'Search Berlin'`)
  const shots = [
    { name: 'overview', path: '/', colorScheme: 'light', width: 1280, height: 660 },
    { name: 'website', path: `/websites/${rows[0].id}`, colorScheme: 'dark', width: 1280, height: 1180 },
    { name: 'phone', path: '/', colorScheme: 'light', width: 390, height: 844 },
  ] as const
  for (const { name, path, colorScheme, width, height } of shots) {
    const context = await browser.newContext({ colorScheme, viewport: { width, height } })
    const tab = await context.newPage()
    tab.on('console', (message) => console.error(message.text()))
    await tab.goto(page.url + path, { waitUntil: 'networkidle' })
    if (name === 'website')
      await tab
        .locator('details')
        .first()
        .evaluate((details) => details.setAttribute('open', ''))
    await tab.screenshot({ path: `${folder}/${name}.png` })
    await context.close()
  }
} finally {
  await browser.close()
  await page.stop()
  await pool.end()
  await postgres.stop()
}
