/**
 * npm run chaos -- --minutes 10 --seed 42
 *
 * The real processes with a real broker and a real PostgreSQL, 300 checks a second, and everything goes wrong at random.
 */
import { parseArgs } from 'node:util'
import { chaos, complaints, total } from './chaos.ts'

const { values } = parseArgs({
  options: { minutes: { type: 'string', default: '1' }, seed: { type: 'string' }, help: { type: 'boolean' } },
})
if (values.help) {
  console.log('npm run chaos -- [--minutes N] [--seed N]')
  process.exit()
}
const seed = Number(values.seed ?? Date.now() % 1_000_000)
console.log(`seed ${seed}, ${values.minutes} minutes`)
const report = await chaos({ minutes: Number(values.minutes), seed, progress: (line) => console.error(line) })
const { losses, ...figures } = report
for (const line of losses) console.error(line)
console.log(JSON.stringify(figures, null, 2))
const wrong = complaints(report)
console.log(wrong.length === 0 ? `ok: ${total(report.faults)} faults, 0 lost, 0 twice` : `MISS: ${wrong.join('; ')}`)
process.exitCode = wrong.length === 0 ? 0 : 1
