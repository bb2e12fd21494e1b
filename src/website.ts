/** A row of the table `website`: what to check, how, and how often. */
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
}

/** `website.status`: what the newest entry says; `unknown` before the first. */
export type WebsiteStatus = 'unknown' | 'active' | 'unavailable'
