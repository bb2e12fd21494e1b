/**
 * npm run producers -- --minutes 2 --seed 42
 *
 * Four real producers share 2,000 websites, each of which is due every 2 s, and are killed, frozen, stopped and started.
 */
import { parseArgs } from 'node:util'
import { complaints, storm } from './storm.ts'

const { values } = parseArgs({
  options: { minutes: { type: 'string', default: '2' }, seed: { type: 'string' }, help: { type: 'boolean' } },
})
if (values.help) {
  console.log('npm run producers -- [--minutes N] [--seed N]')
  process.exit()
}
const seed = Number(values.seed ?? Date.now() % 1_000_000)
console.log(`seed ${seed}, ${values.minutes} minutes`)
const report = await storm({
  producers: 4,
  websites: 2_000,
  minutes: Number(values.minutes),
  seed,
  progress: (line) => console.error(line),
})
console.log(JSON.stringify({ ...report, doubles: report.doubles.slice(0, 20) }, null, 2))
const wrong = complaints(report)
console.log(
  wrong.length === 0 ? 'ok: no slot was checked twice, and none was skipped in silence' : `MISS: ${wrong.join('; ')}`,
)
process.exitCode = wrong.length === 0 ? 0 : 1
