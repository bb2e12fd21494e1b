import { createHash } from 'node:crypto'
import type { Website } from './website.ts'

/** Websites fall into so many shards, each of which is one producer's. */
export const shards = 256

/** From SHA-512: another hash than those of the phase and of Kafka's partitioner. `website_shard` in SQL is the same. */
export function shardOf(websiteId: string): number {
  return createHash('sha512').update(websiteId.replaceAll('-', ''), 'hex').digest()[0] as number
}

const known = new WeakMap<Website, number>()

/** Reckoned once: it is asked for at each of the website's checks. */
export function shardOfWebsite(website: Website): number {
  const shard = known.get(website) ?? shardOf(website.id)
  known.set(website, shard)
  return shard
}
