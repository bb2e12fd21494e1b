import { plainText } from '../check/failure.ts'

/** Columns for people, as wide as their longest cell. @param options.widest where a cell is cut off */
export function table(head: readonly string[], rows: readonly (readonly string[])[], { widest = 200 } = {}): string {
  const lines = [head, ...rows].map((cells) => cells.map((cell) => plainText(cell, widest)))
  const widths = head.map((_, column) => lines.reduce((width, cells) => Math.max(width, cells[column]?.length ?? 0), 0))
  return lines
    .map((cells) =>
      cells
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

/** Names and values below each other, without those that have none. */
export function properties(pairs: Readonly<Record<string, string | null>>): string {
  const given = Object.entries(pairs).filter((pair): pair is [string, string] => pair[1] !== null)
  const width = given.reduce((longest, [name]) => Math.max(longest, name.length), 0)
  return given.map(([name, value]) => `${name.padEnd(width)}  ${plainText(value, 1_000)}`).join('\n')
}
