import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import { Answer } from './answer.ts'

/** Beside `sql/`: as far from `src/page` as from `dist/page`. */
const folder = path.join(import.meta.dirname, '../../assets')
const uplot = path.dirname(createRequire(import.meta.url).resolve('uplot'))

const script = 'text/javascript; charset=utf-8'
const styles = 'text/css; charset=utf-8'

/** What the pages load, by name. */
export function readAssets(): ReadonlyMap<string, Answer> {
  const file = (name: string, type: string, from = folder) =>
    [name, new Answer(200, type, readFileSync(path.join(from, name)))] as const
  return new Map([
    file('page.css', styles),
    file('icon.svg', 'image/svg+xml'),
    file('live.js', script),
    file('overview.js', script),
    file('website.js', script),
    file('uPlot.esm.js', script, uplot),
    file('uPlot.min.css', styles, uplot),
  ])
}
