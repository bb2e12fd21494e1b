import { documentedBlocks } from './documentedBlocks.ts'

/** A right of docs/privileges.md, and how to take it back. */
export interface Grant {
  readonly role: string
  readonly grant: string
  readonly revoke: string
}

/** The statements of docs/privileges.md that make roles and give them rights, for this database. */
export function documentedRoles(database: string, password: string): { role: string; statements: string[] }[] {
  return documentedBlocks('privileges.md', 'sql').map(({ text }) => {
    const role = /^CREATE ROLE (\w+) /.exec(text)?.[1] as string
    const statements = text.trim().split(';\n')
    return {
      role,
      statements: statements.map((statement) =>
        statement
          .replace(/;$/, '')
          .replace("'...'", `'${password}'`)
          .replace('DATABASE webmon', `DATABASE ${database}`),
      ),
    }
  })
}

/** Each right by itself: `SELECT, INSERT ON check_entry` are two. Columns stay together. */
export function singleRights(role: string, statements: readonly string[]): Grant[] {
  return statements.flatMap((statement) => {
    const [, rights, on] = /^GRANT (.+) ON (.+) TO \w+$/.exec(statement) ?? []
    return (rights?.split(/, (?![^(]*\))/) ?? []).map((right) => ({
      role,
      grant: `GRANT ${right} ON ${on} TO ${role}`,
      revoke: `REVOKE ${right} ON ${on} FROM ${role}`,
    }))
  })
}
