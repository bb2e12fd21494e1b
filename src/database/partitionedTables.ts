import type pg from 'pg'
import { MigrationError } from './migrationError.ts'
import { boundMs } from './period.ts'

export type TableName = 'check_entry' | 'check_hour' | 'check_day'

interface Layout {
  readonly period: 'day' | 'month'
  /** A row of a rollup is written anew with each chunk, all rows of a page at a time: half of the page is for that. */
  readonly storage: string
}

export const layouts: Readonly<Record<TableName, Layout>> = {
  check_entry: { period: 'day', storage: '' },
  check_hour: { period: 'month', storage: 'WITH (fillfactor = 50)' },
  check_day: { period: 'month', storage: 'WITH (fillfactor = 50)' },
}
export const tableNames = Object.keys(layouts) as TableName[]

export interface Partition {
  /** Schema and name, quoted where SQL needs it. */
  readonly name: string
  /** The name alone, as it is. */
  readonly shortName: string
  readonly comment: string | null
  /** A DETACH CONCURRENTLY did not come to its end. */
  readonly isDetaching: boolean
  /** Milliseconds of the Unix epoch, or infinite. */
  readonly from: number
  readonly to: number
}

/** A partitioned table of ours. */
export interface PartitionedTable {
  readonly name: TableName
  readonly schema: string
  readonly owner: string
  readonly isOwner: boolean
  /** The role may make and drop partitions. */
  readonly isOurs: boolean
  readonly partitions: readonly Partition[]
}

interface Row extends Omit<PartitionedTable, 'partitions'> {
  readonly kind: string
  readonly partition: string | null
  readonly shortName: string
  readonly comment: string | null
  readonly isDetaching: boolean
  readonly bounds: string | null
}

/**
 * PostgreSQL shows bounds in the session's zone and style. Setting both within the statement itself keeps it to one
 * round trip and leaves nothing behind in a pooled connection.
 *
 * @throws {MigrationError} when one is missing, or not partitioned
 */
export async function readPartitionedTables(client: pg.Pool | pg.ClientBase): Promise<PartitionedTable[]> {
  const { rows } = await client.query<Row>(
    `WITH format AS MATERIALIZED (
       SELECT set_config('TimeZone', 'UTC', true) AS zone, set_config('DateStyle', 'ISO', true) AS style
     )
     SELECT wanted.name, parent.relkind AS kind, parent_schema.nspname AS schema,
            pg_get_userbyid(parent.relowner) AS owner,
            pg_get_userbyid(parent.relowner) = current_user AS "isOwner",
            pg_has_role(parent.relowner, 'USAGE') AS "isOurs",
            quote_ident(part_schema.nspname) || '.' || quote_ident(part.relname) AS partition, part.relname AS "shortName",
            obj_description(part.oid, 'pg_class') AS comment, inhdetachpending AS "isDetaching",
            CASE WHEN zone = 'UTC' AND style LIKE 'ISO%' THEN pg_get_expr(part.relpartbound, part.oid) END AS bounds
       FROM format
      CROSS JOIN unnest($1::text[]) AS wanted (name)
       JOIN pg_class AS parent ON parent.oid = to_regclass(wanted.name)
       JOIN pg_namespace AS parent_schema ON parent_schema.oid = parent.relnamespace
       LEFT JOIN pg_inherits ON inhparent = parent.oid
       LEFT JOIN pg_class AS part ON part.oid = inhrelid
       LEFT JOIN pg_namespace AS part_schema ON part_schema.oid = part.relnamespace`,
    [tableNames],
  )
  return tableNames.map((name) =>
    tableOf(
      name,
      rows.filter((row) => row.name === name),
    ),
  )
}

function tableOf(name: TableName, rows: readonly Row[]): PartitionedTable {
  const [table] = rows
  if (table === undefined)
    throw new MigrationError(`there is no table ${name}: start webmon with database.migrate: true`)
  const { schema, owner, isOwner, isOurs, kind } = table
  if (kind !== 'p') {
    throw new MigrationError(`${schema}.${name} is not partitioned yet: start webmon once with database.migrate: true`)
  }
  const partitions = rows.flatMap(({ partition, shortName, comment, isDetaching, bounds }) => {
    const [, from, to] = /^FOR VALUES FROM \((.+)\) TO \((.+)\)$/.exec(bounds ?? '') ?? []
    if (partition === null || from === undefined || to === undefined) return []
    return [{ name: partition, shortName, comment, isDetaching, from: boundMs(from), to: boundMs(to) }]
  })
  return { name, schema, owner, isOwner, isOurs, partitions }
}
