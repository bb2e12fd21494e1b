import type { Registry } from 'prom-client'

/** A scrape, as Prometheus does it: values by series, such as `webmon_checks_total{outcome="available",error="none"}`. */
export async function scrape(port: number): Promise<Map<string, number>> {
  const text = await scrapeText(port)
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  return new Map(
    lines.map((line) => {
      const at = line.lastIndexOf(' ')
      return [line.slice(0, at), Number(line.slice(at + 1))]
    }),
  )
}

export async function scrapeText(port: number): Promise<string> {
  const response = await fetch(`http://127.0.0.1:${port}/metrics`)
  if (response.status !== 200) throw new Error(`/metrics answered ${response.status}`)
  return await response.text()
}

/** Of all series with this name. */
export function sum(metrics: ReadonlyMap<string, number>, name: string): number {
  return [...metrics]
    .filter(([series]) => series === name || series.startsWith(`${name}{`))
    .reduce((total, [, value]) => total + value, 0)
}

/** The README's row of each metric of ours. */
export function tableOf(registries: Readonly<Record<string, Registry>>): string {
  const rows = new Map<string, { services: string[]; type: string; labels: string; help: string }>()
  for (const [service, registry] of Object.entries(registries)) {
    for (const metric of registry.getMetricsAsArray()) {
      const { name, type, labelNames, help } = metric as unknown as Declared
      if (!name.startsWith('webmon_')) continue
      const labels = labelNames.map((label) => `\`${label}\``).join(', ')
      const row = rows.get(name) ?? { services: [], type, labels, help }
      row.services.push(service)
      rows.set(name, row)
    }
  }
  return [...rows]
    .map(([name, { services, type, labels, help }]) => {
      const of = services.length === 2 ? 'both' : services[0]
      return `| \`${name}\` | ${of} | ${type} | ${labels} | ${help} |`.replaceAll('|  |', '| |')
    })
    .join('\n')
}

/** What prom-client knows of a metric, and does not declare. */
interface Declared {
  readonly name: string
  readonly type: string
  readonly labelNames: readonly string[]
  readonly help: string
}
