import { existsSync } from 'node:fs'
import path from 'node:path'
import { type Browser, chromium } from 'playwright-core'

/** WEBMON_TEST_CHROMIUM, or the one on the path; undefined: there is none. */
export function findChromium(): string | undefined {
  const given = process.env.WEBMON_TEST_CHROMIUM
  if (given) return given
  const folders = (process.env.PATH ?? '').split(path.delimiter)
  return folders.map((folder) => path.join(folder, 'chromium')).find(existsSync)
}

/** Without a sandbox, which root has none of; it only ever sees pages of this machine. */
export function startChromium(executablePath: string): Promise<Browser> {
  return chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-dev-shm-usage'] })
}
