/**
 * The queries of docs/queries.md on a large database: how long each takes, the first time after a start of the server and
 * then, and how many partitions it reads. Takes some 10 minutes and 20 GB of disk for the temporary database.
 *
 *     npm run bench:queries
 *     npm run bench:queries -- --entries 1000000 --websites 1000 --days 30
 */
import { parseArgs } from 'node:util'
import type pg from 'pg'
import { startPostgres } from '../local/postgres.ts'
import { documentedQueries } from '../tests/helpers/documentedQueries.ts'
import { openPool } from '../tests/helpers/stackEnv.ts'
import { fill } from './queries/fill.ts'
import { median } from './stack.ts'

const { values } = parseArgs({
  options: {
    entries: { type: 'string', default: '20000000' },
    websites: { type: 'string', default: '10000' },
    days: { type: 'string', default: '90' },
    times: { type: 'string', default: '7' },
  },
})
const amounts = { entries: Number(values.entries), websites: Number(values.websites), days: Number(values.days) }

const postgres = await startPostgres({ unsafe: true, settings: { shared_buffers: '1GB', max_wal_size: '8GB' } })
let pool = openPool(postgres.database)
try {
  const seconds = await fill(pool, amounts, console.error)
  console.log(`the migration added up ${amounts.entries} entries in ${seconds.toFixed(0)} s`)
  await pool.query('VACUUM (ANALYZE)')
  for (const table of ['check_entry', 'check_hour', 'check_day']) await tellSize(table)
  for (const { title, sql } of documentedQueries()) {
    await pool.end()
    await postgres.stop({ keep: true })
    await postgres.start()
    pool = openPool(postgres.database)
    await pool.query('SELECT 1')
    const first = await time(sql)
    const others: number[] = []
    for (let n = 0; n < Number(values.times); n++) others.push(await time(sql))
    const { executed, planned, planningMs, executionMs } = await explain(sql)
    const server = `the server ${planningMs.toFixed(1)} planning and ${executionMs.toFixed(1)} executing`
    const parts = `${executed} partitions read, ${planned} in the plan`
    console.log(
      `${title}: ${median(others).toFixed(1)} ms (${server}), the first time ${first.toFixed(1)} ms; ${parts}`,
    )
  }
} finally {
  await pool.end()
  await postgres.stop()
}

async function time(sql: string): Promise<number> {
  const startMs = performance.now()
  await pool.query(sql)
  return performance.now() - startMs
}

interface PlanNode {
  readonly 'Relation Name'?: string
  readonly 'Actual Loops'?: number
  readonly Plans?: readonly PlanNode[]
}

/** Of the partitioned tables. One that the plan holds and that is not executed costs the planner alone. */
async function explain(
  sql: string,
): Promise<{ executed: number; planned: number; planningMs: number; executionMs: number }> {
  const { rows } = await pool.query(`EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) ${sql}`)
  const plan = rows[0]['QUERY PLAN'][0]
  const nodes = (node: PlanNode): PlanNode[] => [node, ...(node.Plans ?? []).flatMap(nodes)]
  const scans = nodes(plan.Plan).filter((node) => node['Relation Name']?.startsWith('check_'))
  const names = (of: PlanNode[]) => new Set(of.map((node) => node['Relation Name'])).size
  return {
    executed: names(scans.filter((node) => (node['Actual Loops'] ?? 0) > 0)),
    planned: names(scans),
    planningMs: plan['Planning Time'],
    executionMs: plan['Execution Time'],
  }
}

async function tellSize(table: string): Promise<void> {
  const { rows } = await (pool as pg.Pool).query<{ rows: number; heap: number; index: number }>(
    `SELECT sum(greatest(reltuples, 0))::float8 AS rows, sum(pg_table_size(relid))::float8 AS heap,
            sum(pg_indexes_size(relid))::float8 AS index
       FROM pg_partition_tree($1::regclass) JOIN pg_class ON pg_class.oid = relid WHERE isleaf`,
    [table],
  )
  const { rows: count, heap, index } = rows[0] as (typeof rows)[0]
  const perRow = `${Math.round(heap / count)} bytes a row and ${Math.round(index / count)} of its index`
  console.log(`${table}: ${Math.round(count)} rows, ${((heap + index) / 1e9).toFixed(2)} GB, ${perRow}`)
}
