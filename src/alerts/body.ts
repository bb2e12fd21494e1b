/** What an alert says, as facts: docs/alerts.md has it as a table. Times are ISO 8601 with Z. */
export interface AlertBody {
  readonly website?: AlertWebsite
  readonly incident?: AlertIncident
  readonly certificate?: AlertCertificate
  /** Since when webmon stores no entries, or its network is in doubt. */
  readonly monitor?: AlertMonitor
}

export const alertKinds = [
  'opened',
  'open',
  'resolved',
  'certificate',
  'network',
  'monitor',
  'recovered',
  'test',
] as const
export type AlertKind = (typeof alertKinds)[number]

export interface AlertWebsite {
  readonly id: string
  readonly name: string
  /** Without what may be secret. */
  readonly url: string
  readonly tags: readonly string[]
}

export interface AlertIncident {
  readonly id: string
  readonly started: string
  readonly ended: string | null
  /** From its start to its end, or to when this was written. */
  readonly seconds: number
  readonly cause: string
  readonly detail: string | null
  /** It was none: an entry that came late shows it. */
  readonly retracted: boolean
  /** Why it is over without a good check. */
  readonly closed: 'removed' | 'disabled' | null
}

export interface AlertCertificate {
  readonly expires: string
  readonly issuer: string | null
  /** Within how many days it ends, one of `certificateAlertDays`. */
  readonly days: number
}

export interface AlertMonitor {
  /** Of the newest entry, or when the doubt began. Null: there is no entry. */
  readonly since: string | null
  readonly seconds: number | null
}

/** An alert is made when a certificate ends within so many days. */
export const certificateAlertDays = [21, 7, 1] as const

/** What is sent: the facts with their id and kind. */
export interface Alert {
  /** The same each time that it is sent. */
  readonly id: string
  readonly kind: AlertKind
  /** The same for all alerts about one thing: the id of the incident, for one. */
  readonly subject: string
  readonly created: string
  readonly body: AlertBody
}
