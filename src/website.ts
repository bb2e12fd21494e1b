/** A row of the table `website`: what to check, how, and how often. Null means the configured default. */
export interface Website {
  /** UUID, the key of its messages and rows. */
  readonly id: string
  readonly name: string
  readonly url: string
  /** A pattern as Python's `re.search` takes it; `''` matches every page. */
  readonly regex: string
  /** Seconds between two checks; null: `monitoring.interval`. */
  readonly interval: number | null
  /** Seconds until a check ends, whatever the website does; null: `monitoring.timeout`. */
  readonly timeout: number | null
  /** null: GET. */
  readonly method: string | null
  /** Sent beside ours, or in place of them. The values are secrets. */
  readonly headers: Readonly<Record<string, unknown>> | null
  readonly body: string | null
  /** Statuses that are fine, such as `200-299,401`; null: 100 to 399. */
  readonly expectedStatus: string | null
  /** null: true. */
  readonly followRedirects: boolean | null
  /** null: true. */
  readonly verifyCertificate: boolean | null
}

/** `website.status`: what the newest entry says; `unknown` before the first. */
export type WebsiteStatus = 'unknown' | 'active' | 'unavailable'

/** Whether this status is one that the website should answer with. */
export function expects({ expectedStatus }: Website, httpStatus: number): boolean {
  if (expectedStatus === null) return httpStatus >= 100 && httpStatus <= 399
  return expectedStatus.split(',').some((range) => {
    const [from, to = from] = range.split('-').map(Number)
    return from !== undefined && to !== undefined && httpStatus >= from && httpStatus <= to
  })
}
