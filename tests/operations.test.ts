import { existsSync, readFileSync } from 'node:fs'
import { load } from 'js-yaml'
import { expect, it } from 'vitest'
import { bytesPerRow } from '../src/database/volume.ts'

const read = (name: string) => readFileSync(new URL(`../${name}`, import.meta.url), 'utf8')
const page = read('docs/operations.md')

/** As GitHub makes the anchor of a heading. */
function anchors(text: string): Set<string> {
  const headings = [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading]) => heading as string)
  return new Set(
    headings.map((heading) =>
      heading
        .toLowerCase()
        .replace(/[^\w -]/g, '')
        .replaceAll(' ', '-'),
    ),
  )
}

it('each alert has its place in the handbook: what it means, what to look at, what to do', () => {
  const { groups } = load(read('deploy/prometheus/alerts.yml')) as { groups: { rules: { alert: string }[] }[] }
  const alerts = groups.flatMap(({ rules }) => rules.map(({ alert }) => alert))
  const sections = page.slice(page.indexOf('\n## Alerts')).split(/^### /m).slice(1)
  expect(sections.map((section) => section.split('\n')[0])).toEqual(alerts)
  for (const section of sections) {
    const words = [...section.matchAll(/^\*\*(\w+)\*\*: \S/gm)].map(([, word]) => word)
    expect(words, section).toEqual(['Means', 'Look', 'Do'])
  }
})

it('the links of the handbook lead somewhere', () => {
  const links = [...page.matchAll(/\]\(([^)#]*)(?:#([^)]+))?\)/g)]
  expect(links.length).toBeGreaterThan(10)
  for (const [link, file, anchor] of links) {
    const target = file ? `docs/${file}` : 'docs/operations.md'
    expect(existsSync(new URL(`../${target}`, import.meta.url)), link).toBe(true)
    if (anchor) expect(anchors(read(target)), link).toContain(anchor)
  }
  for (const [, file] of page.matchAll(/`(deploy\/[\w./-]+)`/g)) {
    expect(existsSync(new URL(`../${file}`, import.meta.url)), file).toBe(true)
  }
})

it('metrics, keys and benchmarks that the handbook names are there', () => {
  const readme = read('README.md')
  for (const [metric] of page.matchAll(/webmon_[a-z]+_[a-z_]+/g))
    expect(readme).toContain(`\`${metric.replace(/_bucket$/, '')}\``)
  const scripts = Object.keys(JSON.parse(read('package.json')).scripts)
  for (const [, script] of page.matchAll(/`npm run ([\w:]+)/g)) expect(scripts).toContain(script)
})

it('the sizes of the handbook are those that the consumer tells at its start', () => {
  const { entry, hour, day } = bytesPerRow
  expect(page).toContain(`a row of \`check_entry\` takes ${entry} bytes, an hour ${hour}, a day ${day}`)
  // 1,000 websites every 30 s, with the retention of config.yaml.
  const rows = (1_000 * 86_400) / 30
  const perDay = rows * entry + 24_000 * hour + 1_000 * day
  const inAll = rows * entry * 90 + 24_000 * hour * 90 + 1_000 * day * 1_100
  expect(page).toContain(
    `${(rows / 1e6).toFixed(1)} million rows and ${(perDay / 1e9).toFixed(2)} GB a day, ${Math.round(inAll / 1e9)} GB in the 90 days`,
  )
})
