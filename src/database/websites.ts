import type pg from 'pg'
import type { Website } from '../website.ts'

/** All websites that are to be checked. */
export async function readWebsites(pool: pg.Pool): Promise<Website[]> {
  const { rows } = await pool.query<Website>(
    `SELECT website_id AS id, name, url, regex, interval, timeout, method, headers, body,
            expected_status AS "expectedStatus", follow_redirects AS "followRedirects",
            verify_certificate AS "verifyCertificate"
       FROM website
      WHERE enabled`,
  )
  return rows
}
