/**
 * `webmon website import` of 10,000 websites, as a process from its start to its end: new ones, the same again, every
 * second one changed, and all of them pruned. The bar: 5 s for each.
 *
 *     npm run bench:import
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { startPostgres } from '../local/postgres.ts'
import { migrate } from '../src/database/migrations.ts'
import { defaultSettings, type WebsiteSettings } from '../src/websiteSettings.ts'
import { writeWebsitesFile } from '../src/websitesFile.ts'
import { databaseEnv, openPool } from '../tests/helpers/stackEnv.ts'
import { silent } from '../tests/helpers/storing.ts'

const barSeconds = 5
const amount = 10_000

/** Every fourth has more to say. */
function website(n: number, regex: string): WebsiteSettings {
  const plain = { ...defaultSettings, name: `website ${n}`, url: `https://www${n}.example.com/path/${n}`, regex }
  if (n % 4 > 0) return plain
  const headers = { Authorization: `Bearer ${n}`, Accept: 'text/html' }
  return { ...plain, interval: 60, headers, tags: ['customer', `group ${n % 100}`], expected_status: '200-299,401' }
}

const folder = mkdtempSync(path.join(tmpdir(), 'webmon-import-'))
const postgres = await startPostgres()
const pool = openPool(postgres.database)
try {
  await migrate(pool, { logger: silent })
  const file = path.join(folder, 'websites.yaml')
  const some = Array.from({ length: amount }, (_, n) => n)
  run(
    'new',
    some.map((n) => website(n, 'Welcome')),
    [],
  )
  run(
    'the same',
    some.map((n) => website(n, 'Welcome')),
    [],
  )
  run(
    'half changed',
    some.map((n) => website(n, n % 2 ? 'Welcome' : '(?i)w[eé]lcome')),
    [],
  )
  run('pruned', [], ['--prune'])

  function run(what: string, websites: WebsiteSettings[], options: string[]): void {
    writeFileSync(file, writeWebsitesFile(websites))
    const startMs = performance.now()
    const env = {
      ...process.env,
      ...databaseEnv(postgres.database),
      WEBMON_CONFIG_FILE: 'tests/data/services.yaml',
      ...{ WEBMON_KAFKA_SERVER: 'localhost', WEBMON_KAFKA_PORT: '9092', WEBMON_KAFKA_TOPIC: 'webmon' },
      WEBMON_KAFKA_CONSUMER_GROUP: 'webmon',
    }
    const command = [path.resolve('dist/webmon.js'), 'website', 'import', file, ...options]
    const out = execFileSync(process.execPath, command, { env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
    const seconds = (performance.now() - startMs) / 1000
    console.log(`${what}: ${seconds.toFixed(2)} s (${out.trim()})`)
    if (seconds > barSeconds) process.exitCode = 1
  }
} finally {
  await pool.end()
  await postgres.stop()
  rmSync(folder, { recursive: true })
}
