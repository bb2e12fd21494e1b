/**
 * What a regex costs: `npx tsx bench/regex.ts`. Milliseconds, p50 and p99; the loop's delay is measured beside it.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { RegexSearch } from '../src/check/regex/search.ts'
import { Translator } from '../src/check/regex/translate.ts'

const search = new RegexSearch()
const page = (size: number) => '<p class="x">lorem ipsum dolor sit amet</p>\n'.repeat(size / 44)
const pages = {
  '10 kB': page(10_000),
  '1 MB': page(1_000_000),
  '1 MB, two bytes': page(1_000_000).replace('x', '\u4e00'),
}

async function measure(name: string, runs: number, run: () => unknown): Promise<void> {
  const times: number[] = []
  const delay = monitorEventLoopDelay({ resolution: 1 })
  delay.enable()
  let outcome: unknown
  for (let count = 0; count < runs; count++) {
    const start = performance.now()
    try {
      outcome = await run()
    } catch (error) {
      outcome = (error as Error).message
    }
    times.push(performance.now() - start)
  }
  // The delay of the last run is only seen when the loop has turned once more.
  await new Promise((resolve) => setTimeout(resolve, 20))
  delay.disable()
  times.sort((a, b) => a - b)
  const at = (share: number) => (times[Math.floor(share * (times.length - 1))] ?? 0).toFixed(3).padStart(9)
  const late = (delay.max / 1e6).toFixed(1).padStart(6)
  console.log(`${name.padEnd(44)} p50 ${at(0.5)}  p99 ${at(0.99)}  loop late ${late}  ${outcome}`)
}

await measure('start of a thread, first search', 1, () => search.search('dol.r', 'dolor'))
for (const [size, text] of Object.entries(pages)) {
  await measure(`literal, absent, ${size}`, 500, () => search.search('dolor sit amen', text))
  await measure(`pattern, at the start, ${size}`, 500, () => search.search('lor.m', text))
  await measure(`pattern, absent, ${size}`, 200, () => search.search('(?i)\\bnot\\s+there\\b', text))
}
const half = 'a'.repeat(3_900)
await measure('literal of 7.8 kB made to be slow, 1 MB', 20, () =>
  search.search(`${half}b${half}`, 'a'.repeat(1_000_000)),
)
await measure('catastrophic, 1 MB', 4, () => search.search('(a+)+$', `${'a'.repeat(1_000_000)}!`))
await measure('catastrophic to compile', 4, () => search.search('\\w'.repeat(3_990), pages['1 MB']))
await search.close()

const translator = new Translator()
await measure('translation of a short pattern', 2_000, () => {
  const translation = translator.translate('(?i)<title>\\s*(?:Welcome|Hello)[^<]*</title>')
  return `${'source' in translation ? translation.source.length : 0} characters`
})
await measure('translation of 8 kB of references', 20, () =>
  translator.translate('(a)?'.repeat(40) + '\\1\\20\\40'.repeat(800)),
)
await measure('translation of 8 kB of sets under (?i)', 20, () =>
  translator.translate(`(?i)${'[ -\uffff]'.repeat(1_100)}`),
)
