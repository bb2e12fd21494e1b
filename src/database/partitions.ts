import pg from 'pg'
import type { Logger } from '../logger.ts'
import { changeTables, takeAdvisory } from './locks.ts'
import { asMigrationError, MigrationError } from './migrationError.ts'
import { requireRights } from './schema.ts'

/** So far ahead that services which stand still for a month do not stop those of the original, which make none. */
const defaultDaysAhead = 31
const dayMs = 86_400_000

interface PartitionOptions {
  readonly logger: Pick<Logger, 'info' | 'warn' | 'debug'>
  readonly signal?: AbortSignal
}

/** `check_entry` and its partitions; times in ms. */
interface PartitionedTable {
  readonly schema: string
  readonly owner: string
  readonly isOwner: boolean
  readonly partitions: { readonly from: number; readonly to: number }[]
}

/**
 * Makes the day partitions of `check_entry` from today on. Any number of services may do so at the same time.
 * When none is missing it is one SELECT.
 *
 * @throws {MigrationError} when the role may not, or `check_entry` is not the partitioned table
 */
export async function ensurePartitions(
  pool: pg.Pool,
  options: PartitionOptions & { readonly daysAhead?: number; readonly now?: Date },
): Promise<void> {
  await ensureDays(pool, daysFrom(options.now ?? new Date(), options.daysAhead), options)
}

/**
 * Makes the one partition that an entry of this time needs: entries may come late. The caller decides which times are
 * worth a partition.
 *
 * @throws {MigrationError} as `ensurePartitions`
 */
export async function ensurePartitionFor(pool: pg.Pool, timestamp: Date, options: PartitionOptions): Promise<void> {
  await ensureDays(pool, daysFrom(timestamp, 0), options)
}

/** PostgreSQL's "no partition of relation found for row": 23514 without the name of a constraint. */
export function isNoPartition(error: unknown): boolean {
  return error instanceof pg.DatabaseError && error.code === '23514' && error.constraint === undefined
}

/** For the transaction that makes `check_entry`, so that nobody ever sees it without its partitions. */
export async function makeFirstPartitions(client: pg.ClientBase): Promise<void> {
  await makeMissing(client, daysFrom(new Date()))
}

async function ensureDays(pool: pg.Pool, days: number[], options: PartitionOptions): Promise<void> {
  if (missingDays(await readTable(pool), days).length === 0) return
  const { logger, signal = new AbortController().signal } = options
  const change = { what: 'making partitions', tables: ['check_entry'], attempts: 10, logger, signal }
  const made = await changeTables(pool, change, async (client) => {
    await client.query(takeAdvisory('partitions'))
    return await makeMissing(client, days)
  })
  if (made.length > 0) logger.info({ partitions: made }, `partitions of check_entry made: ${made.length}`)
}

/**
 * A table of its own, then ATTACH: this takes no lock on `check_entry` that readers or writers wait for, where with a
 * reader open CREATE ... PARTITION OF stalls every insert.
 */
async function makeMissing(client: pg.ClientBase, days: number[]): Promise<string[]> {
  const table = await readTable(client)
  const missing = missingDays(table, days)
  if (missing.length === 0) return []
  await requireRights(client, table.schema, ['check_entry'])
  const parent = `${pg.escapeIdentifier(table.schema)}.check_entry`
  const statements = missing.map((day) => {
    const partition = `${pg.escapeIdentifier(table.schema)}.${partitionName(day)}`
    // Services may run as several members of the role that owns the table: each must be able to drop the partition.
    const give = table.isOwner ? '' : `ALTER TABLE ${partition} OWNER TO ${pg.escapeIdentifier(table.owner)};`
    return `CREATE TABLE ${partition} (LIKE ${parent} INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING GENERATED
                                       INCLUDING STORAGE INCLUDING COMPRESSION);
            ${give}
            ALTER TABLE ${parent} ATTACH PARTITION ${partition}
              FOR VALUES FROM ('${midnight(day)}') TO ('${midnight(day + dayMs)}');`
  })
  try {
    await client.query(statements.join('\n'))
  } catch (error) {
    throw asMigrationError(error, 'making partitions of check_entry failed')
  }
  return missing.map(partitionName)
}

/** Midnights (UTC) of the day of this time and of so many days after it. */
function daysFrom(time: Date, daysAhead = defaultDaysAhead): number[] {
  const first = Math.floor(time.getTime() / dayMs) * dayMs
  return Array.from({ length: daysAhead + 1 }, (_, index) => first + index * dayMs)
}

function missingDays({ partitions }: PartitionedTable, days: number[]): number[] {
  return days.filter((day) => !partitions.some(({ from, to }) => from <= day && day + dayMs <= to))
}

const midnight = (day: number) => `${new Date(day).toISOString().slice(0, 10)} 00:00:00+00`
const partitionName = (day: number) => `check_entry_${new Date(day).toISOString().slice(0, 10).replaceAll('-', '')}`

/**
 * PostgreSQL shows bounds in the session's zone and style. Setting both within the statement itself keeps it to one
 * round trip and leaves nothing behind in a pooled connection.
 */
async function readTable(client: pg.Pool | pg.ClientBase): Promise<PartitionedTable> {
  const { rows } = await client.query<Omit<PartitionedTable, 'partitions'> & { kind: string; bounds: string | null }>(
    `WITH format AS MATERIALIZED (
       SELECT set_config('TimeZone', 'UTC', true) AS zone, set_config('DateStyle', 'ISO', true) AS style
     )
     SELECT parent.relkind AS kind, nspname AS schema, pg_get_userbyid(parent.relowner) AS owner,
            pg_get_userbyid(parent.relowner) = current_user AS "isOwner",
            CASE WHEN zone = 'UTC' AND style LIKE 'ISO%' THEN pg_get_expr(part.relpartbound, part.oid) END AS bounds
       FROM format
      CROSS JOIN pg_class AS parent
       JOIN pg_namespace ON pg_namespace.oid = parent.relnamespace
       LEFT JOIN pg_inherits ON inhparent = parent.oid AND NOT inhdetachpending
       LEFT JOIN pg_class AS part ON part.oid = inhrelid
      WHERE parent.oid = to_regclass('check_entry')`,
  )
  const [table] = rows
  if (table === undefined)
    throw new MigrationError('there is no table check_entry: start webmon with database.migrate: true')
  if (table.kind !== 'p') {
    throw new MigrationError(
      `${table.schema}.check_entry is not partitioned yet: start webmon once with database.migrate: true`,
    )
  }
  const partitions = rows.flatMap(({ bounds }) => {
    const [, from, to] = /^FOR VALUES FROM \((.+)\) TO \((.+)\)$/.exec(bounds ?? '') ?? []
    return from === undefined || to === undefined ? [] : [{ from: boundMs(from), to: boundMs(to) }]
  })
  return { ...table, partitions }
}

/** `'2026-11-24 00:00:00+00'`, MINVALUE, MAXVALUE, and what lies outside of JavaScript's calendar. */
function boundMs(bound: string): number {
  const time = Date.parse(bound.replace(/^'(.+) (.+)\+00'$/, '$1T$2Z'))
  if (!Number.isNaN(time)) return time
  return /MINVALUE|-infinity|BC/.test(bound) ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY
}
