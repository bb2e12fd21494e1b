/** `make rows`: the newest check entries of the database that `make local` runs, or of WEBMON_TEST_DATABASE. */
import { type DatabaseAddress, parseDatabaseUrl, withClient } from './databaseAddress.ts'
import { givenDatabase } from './servers.ts'
import { readState } from './state.ts'

interface Row {
  readonly timestamp: Date
  readonly name: string
  readonly http_status: number
  readonly response_time: number
  readonly regex_match: boolean
  readonly error: string | null
  readonly detail: string | null
}

/** By website: each is found at once by its key, however large check_entry is. */
const newestRows = `
  SELECT entry."timestamp", name, http_status, response_time, regex_match, error, detail
    FROM website
   CROSS JOIN LATERAL (
         SELECT * FROM check_entry
          WHERE check_entry.website_id = website.website_id
          ORDER BY "timestamp" DESC
          LIMIT $1) AS entry
   ORDER BY entry."timestamp" DESC
   LIMIT $1`

try {
  const address = findDatabase()
  const { rows } = await withClient(address, (client) => client.query<Row>(newestRows, [20])).catch((error) => {
    throw new Error(explanation(address, error))
  })
  process.stdout.write(rows.length > 0 ? table(rows.map(cells)) : 'no check has been stored yet\n')
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : error}\n`)
  process.exitCode = 1
}

function findDatabase(): DatabaseAddress {
  const given = givenDatabase()
  if (given) return given
  const { database } = readState()
  if (database === undefined)
    throw new Error('no database is known: start `make local` first, or set WEBMON_TEST_DATABASE')
  return parseDatabaseUrl(database)
}

function explanation({ host, port, database }: DatabaseAddress, error: { code?: string; message: string }): string {
  const where = `the database ${database} at ${host}:${port}`
  if (error.code === 'ECONNREFUSED') return `${where} does not run: start \`make local\` first`
  // undefined_table: https://www.postgresql.org/docs/18/errcodes-appendix.html
  if (error.code === '42P01') return `${where} has no tables yet: the services make them when they start`
  return `${where}: ${error.message}`
}

function cells(row: Row): Record<string, string> {
  return {
    timestamp: localTime(row.timestamp),
    name: row.name,
    http_status: String(row.http_status),
    response_time: String(row.response_time),
    regex_match: row.regex_match ? 't' : 'f',
    error: row.error ?? '',
    detail: row.detail ?? '',
  }
}

/** The time of the machine's zone, in an order that sorts. */
function localTime(time: Date): string {
  const two = (number: number) => String(number).padStart(2, '0')
  const day = [time.getFullYear(), two(time.getMonth() + 1), two(time.getDate())].join('-')
  return `${day} ${[time.getHours(), time.getMinutes(), time.getSeconds()].map(two).join(':')}`
}

/** Columns as wide as their widest cell; what comes from websites cannot move the cursor of a terminal. */
function table(rows: readonly Record<string, string>[]): string {
  const columns = Object.keys(rows[0] ?? {})
  const lines = [columns, ...rows.map((row) => columns.map((column) => printable(row[column] ?? '')))]
  const widths = columns.map((_, index) => Math.max(...lines.map((line) => line[index]?.length ?? 0)))
  const text = (line: string[]) =>
    line
      .map((cell, index) => cell.padEnd(widths[index] ?? 0))
      .join('  ')
      .trimEnd()
  const [head = [], ...body] = lines
  return `${[text(head), widths.map((width) => '-'.repeat(width)).join('  '), ...body.map(text)].join('\n')}\n`
}

function printable(value: string): string {
  const short = value.length > 60 ? `${value.slice(0, 59)}…` : value
  return short.replace(/\p{Control}/gu, ' ')
}
