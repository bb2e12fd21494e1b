import type pg from 'pg'

/** What is bound to a table by its identity: renaming the table takes it along. */
export interface Dependents {
  /** Plain views that may be bound to another table of the same columns. */
  readonly views: ReadonlyArray<{
    /** Schema and name, quoted where SQL needs it, as all names here. */
    readonly name: string
    readonly owner: string
    /**
     * Makes the view read whatever has the table's name by then. Replacing it keeps its owner, grants, rules, and the
     * views and materialized views upon it.
     */
    readonly statement: string
  }>
  /** Everything else, as "trigger audit on public.check_entry": it cannot be bound to another table. */
  readonly others: readonly string[]
  /** Indexes and constraints that somebody added: they stay with the table. */
  readonly parts: readonly string[]
}

/**
 * Call it with an empty search_path: then definitions name the schema of everything.
 *
 * @param own constraints that are not worth mentioning as parts
 */
export async function readDependents(client: pg.ClientBase, table: number): Promise<Dependents> {
  const { rows } = await client.query<{
    kind: 'view' | 'other' | 'part'
    name: string
    owner: string
    statement: string
  }>(
    `WITH row_type AS (
       SELECT oid, typarray FROM pg_type WHERE typrelid = $1
     ),
     part (classid, objid) AS (
       SELECT 'pg_class'::regclass, indexrelid FROM pg_index WHERE indrelid = $1
       UNION ALL SELECT 'pg_class'::regclass, reltoastrelid FROM pg_class WHERE oid = $1
       UNION ALL SELECT 'pg_constraint'::regclass, oid FROM pg_constraint WHERE conrelid = $1 AND contype <> 'f'
       UNION ALL SELECT 'pg_attrdef'::regclass, oid FROM pg_attrdef WHERE adrelid = $1
       UNION ALL SELECT 'pg_statistic_ext'::regclass, oid FROM pg_statistic_ext WHERE stxrelid = $1
       UNION ALL SELECT 'pg_trigger'::regclass, oid FROM pg_trigger WHERE tgisinternal
       UNION ALL SELECT 'pg_type'::regclass, unnest(ARRAY[oid, typarray]) FROM row_type
       UNION ALL SELECT 'pg_publication_rel'::regclass, oid FROM pg_publication_rel WHERE prrelid = $1
     ),
     dependent AS (
       -- A view depends through its rule. What depends on the row type or on a key (GROUP BY it alone) fits no other
       -- table.
       SELECT CASE WHEN rulename = '_RETURN' THEN 'pg_class'::regclass ELSE classid END AS classid,
              CASE WHEN rulename = '_RETURN' THEN ev_class ELSE objid END AS objid,
              bool_and(refclassid = 'pg_class'::regclass) AS is_portable
         FROM pg_depend
         LEFT JOIN pg_rewrite ON classid = 'pg_rewrite'::regclass AND objid = pg_rewrite.oid
        WHERE (refclassid, refobjid) IN (
                SELECT 'pg_class'::regclass, $1::oid
                UNION ALL SELECT 'pg_type'::regclass, unnest(ARRAY[oid, typarray]) FROM row_type
                UNION ALL SELECT 'pg_constraint'::regclass, oid FROM pg_constraint WHERE conrelid = $1)
          AND (classid, objid) NOT IN (SELECT classid, objid FROM part)
        GROUP BY 1, 2
     ),
     found AS (
       SELECT CASE WHEN relkind = 'v' AND is_portable AND pg_has_role(relowner, 'USAGE')
                   THEN 'view' ELSE 'other' END AS kind,
              CASE WHEN relkind = 'v' AND is_portable AND NOT pg_has_role(relowner, 'USAGE')
                   THEN format('%s %s (which belongs to %s)', object.type, object.identity, relowner::regrole)
                   ELSE concat_ws(' ', object.type, object.identity) END AS description,
              relation.*, object.identity
         FROM dependent
        CROSS JOIN LATERAL pg_identify_object(classid, objid, 0) AS object
         LEFT JOIN pg_class AS relation ON classid = 'pg_class'::regclass AND relation.oid = objid
     )
     SELECT kind, CASE kind WHEN 'view' THEN identity ELSE description END AS name, relowner::regrole AS owner,
            CASE kind WHEN 'view' THEN
              format('CREATE OR REPLACE VIEW %s %s AS %s', identity,
                     'WITH (' || array_to_string(reloptions, ', ') || ')', pg_get_viewdef(oid)) END AS statement
       FROM found
     UNION ALL
     SELECT 'other', 'publication ' || quote_ident(pubname), NULL, NULL
       FROM pg_publication_tables
      WHERE (schemaname, tablename) = (SELECT nspname, relname
                                         FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
                                        WHERE pg_class.oid = $1)
     UNION ALL
     SELECT 'other', 'inheritance from ' || inhparent::regclass, NULL, NULL FROM pg_inherits WHERE inhrelid = $1
     UNION ALL
     SELECT 'other', 'row level security of ' || oid::regclass, NULL, NULL
       FROM pg_class WHERE oid = $1 AND relrowsecurity
     UNION ALL
     SELECT 'other', format('generated column %I', attname), NULL, NULL
       FROM pg_attribute WHERE attrelid = $1 AND attnum > 0 AND (attgenerated <> '' OR attidentity <> '')
     UNION ALL
     SELECT 'part', 'index ' || relname, NULL, NULL
       FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid WHERE indrelid = $1 AND NOT indisprimary
     UNION ALL
     SELECT 'part', 'constraint ' || conname, NULL, NULL FROM pg_constraint WHERE conrelid = $1 AND contype = 'c'
      ORDER BY 2`,
    [table],
  )
  const named = (kind: string) => rows.filter((row) => row.kind === kind).map(({ name }) => name)
  return { views: rows.filter(({ kind }) => kind === 'view'), others: named('other'), parts: named('part') }
}
