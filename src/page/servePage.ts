import type { Registry } from 'prom-client'
import { openDatabase } from '../database/database.ts'
import type { Service } from '../service.ts'
import { Page } from './page.ts'

/** Visitors share these; those who store have others. */
const connections = 3
const timeoutMs = 15_000
const warmSeconds = 60

/**
 * Serves the page beside the metrics, from the consumer's port; nothing of it where that is off.
 *
 * @returns what is to be called when there are tables: it reads ahead, so that the first visitor does not wait for it
 */
export async function servePage(service: Service, registry: Registry, name: string): Promise<() => void> {
  const { config, logger, aborting } = service
  if (config.consumer.http.port === 0) {
    await service.serveStatus('consumer', registry)
    return () => undefined
  }
  const pool = openDatabase(config.database, { name: `${name} page`, connections, timeoutMs }, logger)
  service.onStop('database of the page', () => pool.end())
  const page = new Page(pool, aborting, logger)
  await service.serveStatus('consumer', registry, (request, response) => page.serve(request, response))
  const warm = () => page.overview.warm()
  return () => service.every(warmSeconds, 'reading the rollups for the page', warm, { atOnce: true })
}
