/** What the metrics of both services have in common. Times are seconds. */
import { readFileSync } from 'node:fs'
import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client'

/** Of what a server takes: Kafka, the database. */
export const serverBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]

export function newRegistry(): Registry {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  // Gauges with the name of a counter, which promtool does not like, and which tell nothing of webmon.
  for (const name of ['nodejs_active_handles_total', 'nodejs_active_requests_total', 'nodejs_active_resources_total'])
    registry.removeSingleMetric(name)
  const info = new Gauge({
    name: 'webmon_build_info',
    help: 'Always 1; the version is its label',
    labelNames: ['version'],
    registers: [registry],
  })
  info.set({ version: version() }, 1)
  return registry
}

export function partitionsCreated(registry: Registry): Counter {
  return new Counter({
    name: 'webmon_partitions_created_total',
    help: 'Partitions of tables that this process made, without the first ones of all',
    registers: [registry],
  })
}

function version(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8')
  return (JSON.parse(text) as { version: string }).version
}
