import type pg from 'pg'
import { shards as allShards } from '../shard.ts'
import type { Website } from '../website.ts'

/** The websites of these shards that are to be checked. */
export async function readWebsites(pool: pg.Pool, shards: readonly number[]): Promise<Website[]> {
  const isAll = shards.length === allShards
  const { rows } = await pool.query<Website>(
    `SELECT website_id AS id, name, url, regex, interval, timeout, method, headers, body,
            expected_status AS "expectedStatus", follow_redirects AS "followRedirects",
            verify_certificate AS "verifyCertificate"
       FROM website
      WHERE enabled ${isAll ? '' : 'AND website_shard(website_id) = ANY ($1)'}`,
    isAll ? [] : [shards],
  )
  return rows
}
