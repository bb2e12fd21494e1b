import type pg from 'pg'
import { MigrationError } from './migrationError.ts'

/**
 * The schema that holds webmon's tables: the first of the search_path with one of the original's two, else the one that
 * new tables go to.
 *
 * @throws {MigrationError} when there is none, or the two tables are in two schemas
 */
export async function findSchema(client: pg.ClientBase): Promise<string> {
  const { rows } = await client.query<{ schema: string; name: string; table: string }>(
    `SELECT nspname AS schema, relname AS name, format('%I.%I', nspname, relname) AS table
       FROM unnest(current_schemas(false)) WITH ORDINALITY AS path (schema, place)
       JOIN pg_namespace ON nspname = schema
       JOIN pg_class ON relnamespace = pg_namespace.oid AND relname IN ('website', 'check_entry')
      ORDER BY place`,
  )
  const website = rows.find(({ name }) => name === 'website')
  const checkEntry = rows.find(({ name }) => name === 'check_entry')
  if (website && checkEntry && website.schema !== checkEntry.schema) {
    throw new MigrationError(
      `${website.table} and ${checkEntry.table} are in two schemas: move one (ALTER TABLE ... SET SCHEMA), ` +
        'or set a search_path with one of the schemas alone (ALTER ROLE ... SET search_path)',
    )
  }
  return rows[0]?.schema ?? (await currentSchema(client))
}

/**
 * The schema that new tables go to.
 *
 * @throws {MigrationError} when there is none, or the role may not use it
 */
export async function currentSchema(client: pg.Pool | pg.ClientBase): Promise<string> {
  const { rows } = await client.query<{ schema: string | null; message: string }>(
    `SELECT current_schema() AS schema,
            CASE WHEN nspname IS NULL
                 THEN format('no schema of the search_path (%1$s) exists; who may can run: '
                             'CREATE SCHEMA %2$I AUTHORIZATION %2$I', current_setting('search_path'), current_user)
                 ELSE format('role %1$I may not use schema %2$I; who may grant it can run: '
                             'GRANT CREATE, USAGE ON SCHEMA %2$I TO %1$I', current_user, nspname)
             END AS message
       FROM (SELECT) AS one
       LEFT JOIN (SELECT nspname
                    FROM unnest(string_to_array(current_setting('search_path'), ','))
                         WITH ORDINALITY AS path (entry, place)
                    JOIN pg_namespace ON nspname = CASE trim(entry) WHEN '"$user"' THEN current_user
                                                                    ELSE trim(entry, ' "') END
                   ORDER BY place LIMIT 1) AS first ON true`,
  )
  const { schema, message } = rows[0] as NonNullable<(typeof rows)[0]>
  if (schema === null) throw new MigrationError(message)
  return schema
}

/**
 * Making tables needs CREATE on the schema, changing one needs its owner.
 *
 * @param tables names within the schema; those that do not exist yet are not looked at
 * @throws {MigrationError} with the statement that gives the missing right
 */
export async function requireRights(client: pg.ClientBase, schema: string, tables: readonly string[]): Promise<void> {
  const { rows } = await client.query<{ message: string }>(
    `SELECT format('role %1$I may not create tables in schema %2$I; who may grant it can run: '
                   'GRANT CREATE, USAGE ON SCHEMA %2$I TO %1$I', current_user, nspname) AS message
       FROM pg_namespace
      WHERE nspname = $1 AND NOT (has_schema_privilege(oid, 'CREATE') AND has_schema_privilege(oid, 'USAGE'))
     UNION ALL
     SELECT format('role %1$I may not change %2$I.%3$I, which belongs to %4$I; its owner or a superuser can run: '
                   'ALTER TABLE %2$I.%3$I OWNER TO %1$I', current_user, $1, relname, pg_get_userbyid(relowner))
       FROM pg_class
      WHERE relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = $1) AND relname = ANY ($2)
        AND relkind IN ('r', 'p') AND NOT pg_has_role(relowner, 'USAGE')`,
    [schema, tables],
  )
  if (rows[0] !== undefined) throw new MigrationError(rows.map(({ message }) => message).join('; '))
}

/** For this transaction. Without a schema, definitions that are read back name the schema of everything. */
export async function setSearchPath(client: pg.ClientBase, schema: string | null): Promise<void> {
  await client.query(`SELECT set_config('search_path', coalesce(quote_ident($1::text), ''), true)`, [schema])
}
