import pg from 'pg'
import type { Logger } from '../logger.ts'
import { changeTables, takeAdvisory } from './locks.ts'
import { asMigrationError } from './migrationError.ts'
import {
  layouts,
  type PartitionedTable,
  readPartitionedTables,
  type TableName,
  tableNames,
} from './partitionedTables.ts'
import { midnight, type Period, periodOf, periodsFrom } from './period.ts'
import { requireRights } from './schema.ts'

/** So far ahead that services which stand still for a month do not stop those of the original, which make none. */
const defaultDaysAhead = 31

interface PartitionOptions {
  readonly logger: Pick<Logger, 'info' | 'warn' | 'debug'>
  readonly signal?: AbortSignal
  /** Left out: all. */
  readonly tables?: readonly TableName[]
  readonly onPartitionsMade?: ((count: number) => void) | undefined
}

/**
 * Makes the partitions of `check_entry` and of the rollups from today on. Any number of services may do so at the same
 * time. When none is missing it is one SELECT.
 *
 * @throws {MigrationError} when the role may not, or `check_entry` is not the partitioned table
 */
export async function ensurePartitions(
  pool: pg.Pool,
  options: PartitionOptions & { readonly daysAhead?: number; readonly now?: Date },
): Promise<void> {
  const { now = new Date(), daysAhead = defaultDaysAhead } = options
  await ensure(pool, [now], daysAhead, options)
}

/**
 * Makes the partitions that entries of these times need: entries may come late. The caller decides which times are worth
 * a partition.
 *
 * @throws {MigrationError} as `ensurePartitions`
 */
export async function ensurePartitionFor(
  pool: pg.Pool,
  times: Date | readonly Date[],
  options: PartitionOptions,
): Promise<void> {
  await ensure(pool, times instanceof Date ? [times] : times, 0, options)
}

/** PostgreSQL's "no partition of relation found for row": 23514 without the name of a constraint. */
export function isNoPartition(error: unknown): boolean {
  return error instanceof pg.DatabaseError && error.code === '23514' && error.constraint === undefined
}

/**
 * For the transaction that makes the tables, so that nobody ever sees them without their partitions.
 *
 * @param months for the rollups of what is there already
 */
export async function makeFirstPartitions(client: pg.ClientBase, months: readonly Date[]): Promise<void> {
  await makeMissing(client, tableNames, [new Date()], defaultDaysAhead)
  if (months.length > 0) await makeMissing(client, tableNames, months, 0)
}

async function ensure(
  pool: pg.Pool,
  times: readonly Date[],
  daysAhead: number,
  { logger, signal = new AbortController().signal, tables = tableNames, onPartitionsMade }: PartitionOptions,
): Promise<void> {
  if ((await readIncomplete(pool, tables, times, daysAhead)).length === 0) return
  const change = { what: 'making partitions', tables, attempts: 10, logger, signal }
  const { made, foreign } = await changeTables(pool, change, async (client) => {
    await client.query(takeAdvisory('partitions'))
    return await makeMissing(client, tables, times, daysAhead)
  })
  if (made.length > 0) {
    logger.info({ partitions: made }, `partitions made: ${made.length}`)
    onPartitionsMade?.(made.length)
  }
  for (const { name, schema, owner } of foreign)
    logger.warn(`${schema}.${name} lacks partitions, which only a member of the role ${owner} may make`)
}

/**
 * A table of its own, then ATTACH: this takes no lock that readers or writers wait for, where with a reader open
 * CREATE ... PARTITION OF stalls every insert.
 */
async function makeMissing(
  client: pg.ClientBase,
  tables: readonly TableName[],
  times: readonly Date[],
  daysAhead: number,
): Promise<{ made: string[]; foreign: PartitionedTable[] }> {
  const incomplete = await readIncomplete(client, tables, times, daysAhead)
  const [schema] = incomplete.map((table) => table.schema)
  if (schema === undefined) return { made: [], foreign: [] }
  await requireRights(client, schema, ['check_entry'])
  const wanted = incomplete
    .filter(({ isOurs }) => isOurs)
    .flatMap((table) => missing(table, times, daysAhead).map((period) => ({ table, period })))
  const taken = await readNames(client, schema)
  const made = wanted.map(({ table, period }) => freeName(partitionName(table.name, period), taken))
  const statements = wanted.map(({ table, period }, n) => {
    const parent = `${pg.escapeIdentifier(table.schema)}.${table.name}`
    const partition = `${pg.escapeIdentifier(table.schema)}.${made[n]}`
    // Services may run as several members of the role that owns the table: each must be able to drop the partition.
    const give = table.isOwner ? '' : `ALTER TABLE ${partition} OWNER TO ${pg.escapeIdentifier(table.owner)};`
    return `CREATE TABLE ${partition} (LIKE ${parent} INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING GENERATED
                                       INCLUDING STORAGE INCLUDING COMPRESSION) ${layouts[table.name].storage};
            ${give}
            ALTER TABLE ${parent} ATTACH PARTITION ${partition}
              FOR VALUES FROM ('${midnight(period.from)}') TO ('${midnight(period.to)}');`
  })
  try {
    await client.query(statements.join('\n'))
  } catch (error) {
    throw asMigrationError(error, 'making partitions failed')
  }
  return { made, foreign: incomplete.filter(({ isOurs }) => !isOurs) }
}

async function readIncomplete(
  client: pg.Pool | pg.ClientBase,
  tables: readonly TableName[],
  times: readonly Date[],
  daysAhead: number,
): Promise<PartitionedTable[]> {
  const all = await readPartitionedTables(client)
  return all.filter((table) => tables.includes(table.name) && missing(table, times, daysAhead).length > 0)
}

async function readNames(client: pg.ClientBase, schema: string): Promise<Set<string>> {
  const { rows } = await client.query<{ name: string }>(
    `SELECT relname AS name FROM pg_class WHERE relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = $1)`,
    [schema],
  )
  return new Set(rows.map(({ name }) => name))
}

/** Somebody may have detached the partition to keep it, under the name that it had. */
function freeName(name: string, taken: ReadonlySet<string>): string {
  let free = name
  for (let n = 2; taken.has(free); n++) free = `${name}_${n}`
  return free
}

function missing({ name, partitions }: PartitionedTable, times: readonly Date[], daysAhead: number): Period[] {
  const periods = times.flatMap((time) => periodsFrom(time, daysAhead, layouts[name].period))
  const distinct = [...new Map(periods.map((period) => [period.from, period])).values()]
  return distinct.filter(
    (period) => !partitions.some(({ from, to, isDetaching }) => from <= period.from && period.to <= to && !isDetaching),
  )
}

/** check_entry_20261124, check_hour_202611 */
function partitionName(table: TableName, { from }: Period): string {
  const digits = new Date(from).toISOString().replaceAll('-', '')
  return `${table}_${digits.slice(0, layouts[table].period === 'day' ? 8 : 6)}`
}

/** When the partition begins that holds this time. */
export function partitionStart(table: TableName, time: Date): number {
  return periodOf(time, layouts[table].period).from
}
