import type { Cost, Costs } from './costs.ts'
import type { Limit } from './limits.ts'
import type { Capacity } from './model.ts'

/** What each size takes, a column for each. */
export function capacityTable(capacities: readonly Capacity[]): string {
  const row = (what: string, figure: (capacity: Capacity) => string) => [what, ...capacities.map(figure)]
  return markdown(
    ['', ...capacities.map(({ load }) => `${short(load.websites)} every ${load.intervalSeconds} s`)],
    [
      row('checks a second', ({ checks }) => short(checks)),
      row('webmons, each with its own list, database and topic', ({ webmons }) => short(webmons)),
      row('producers', ({ producers }) => short(producers)),
      row('their processor', ({ producerCores }) => cores(producerCores)),
      row('of that for TLS handshakes', ({ handshakeCores }) => cores(handshakeCores)),
      row('the busiest of them', ({ busiestProducer }) => `${Math.round(busiestProducer * 100)} % of a core`),
      row('their memory, in all', ({ producerBytes }) => bytes(producerBytes)),
      row('`producer.threads`, of all of them', ({ checksAtOnce }) => short(checksAtOnce)),
      row('reading the list', ({ listCores }) => cores(listCores)),
      row('DNS queries', ({ dnsQueries }) => `${short(dnsQueries)}/s`),
      row('network, received', ({ receivedBytes }) => `${bits(receivedBytes * 8)}/s`),
      row('into the topic', ({ messageBytes }) => `${bytes(messageBytes)}/s`),
      row('brokers', ({ brokers }) => short(brokers)),
      row('their processor', ({ brokerCores }) => cores(brokerCores)),
      row('the topic, all replicas', ({ topicBytes }) => bytes(topicBytes)),
      row('partitions', ({ partitions }) => short(partitions)),
      row('consumers', ({ consumers }) => short(consumers)),
      row('their processor', ({ consumerCores }) => cores(consumerCores)),
      row('rows into PostgreSQL', ({ checks }) => `${short(checks)}/s`),
      row('its processor for them', ({ databaseCores }) => cores(databaseCores)),
      row('its write-ahead log', ({ walBytes }) => `${bytes(walBytes)}/s`),
      row('its disk, a day', ({ databaseBytesADay }) => bytes(databaseBytesADay)),
      row('its disk, with all that is kept', ({ databaseBytes }) => bytes(databaseBytes)),
    ],
  )
}

/** The limits up to ten times the load; those that it hits are marked. */
export function limitsTable({ load }: Capacity, limits: readonly Limit[]): string {
  const near = limits.filter(({ websites }) => websites <= load.websites * 10)
  return markdown(
    ['limit', 'at websites', 'hit', 'what lifts it'],
    near.map(({ what, websites, lift }) => [what, short(websites), websites < load.websites ? 'yes' : '', lift]),
  )
}

export function costsTable(costs: Costs): string {
  const row = ([name, { value, unit, source }]: [string, Cost]) => [`\`${name}\``, `${value} ${unit}`.trim(), source]
  return markdown(['name', 'value', 'source'], [...costs].map(row))
}

/** Three digits. */
function short(amount: number): string {
  return scaled(amount, ['', ' k', ' million', ' billion']).trim()
}

function bytes(amount: number): string {
  return scaled(amount, [' B', ' kB', ' MB', ' GB', ' TB', ' PB'])
}

function bits(amount: number): string {
  return scaled(amount, [' bit', ' kbit', ' Mbit', ' Gbit', ' Tbit'])
}

function cores(amount: number): string {
  return `${Number(amount.toPrecision(2))} cores`
}

function scaled(amount: number, units: readonly string[]): string {
  let rounded = Number(amount.toPrecision(3))
  let power = 0
  for (; rounded >= 1000 && power < units.length - 1; power++) rounded = Number((rounded / 1000).toPrecision(3))
  return `${rounded}${units[power]}`
}

/** As wide as the longest cells, so that a terminal shows it well, too. */
function markdown(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((cell, column) => Math.max(cell.length, 3, ...rows.map((row) => row[column]?.length ?? 0)))
  const line = (cells: readonly string[]) => `| ${cells.map((cell, n) => cell.padEnd(widths[n] ?? 0)).join(' | ')} |`
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n')
}
