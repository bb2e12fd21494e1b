/**
 * npm run fuzz -- --runs 1000000 --seed 42
 *
 * Mutated messages through the decoder; a sample of what comes out goes into a real PostgreSQL.
 */
import { parseArgs } from 'node:util'
import { startPostgres } from '../../local/postgres.ts'
import { openStore } from '../helpers/storing.ts'
import { fuzz } from './fuzz.ts'

const { values } = parseArgs({
  options: { runs: { type: 'string', default: '1000000' }, seed: { type: 'string' }, help: { type: 'boolean' } },
})
if (values.help) {
  console.log('npm run fuzz -- [--runs N] [--seed N]')
  process.exit()
}
const [runs, seed] = [Number(values.runs), Number(values.seed ?? Date.now() % 1_000_000)]
console.log(`seed ${seed}, ${runs} messages`)
const postgres = await startPostgres({ unsafe: true })
try {
  const store = await openStore(postgres.database)
  const startMs = performance.now()
  const progress = (line: string) => console.error(line)
  const report = await fuzz({ runs, seed, stored: 20_000, store: store.store, progress })
  await store.stop()
  console.log(JSON.stringify(report, null, 2))
  const seconds = ((performance.now() - startMs) / 1000).toFixed(0)
  const isGood = report.refused.length === 0
  console.log(isGood ? `ok: ${runs} messages in ${seconds} s` : `MISS: PostgreSQL refused ${report.refused.length}`)
  process.exitCode = isGood ? 0 : 1
} finally {
  await postgres.stop()
}
