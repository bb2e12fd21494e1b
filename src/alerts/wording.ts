/** What people read of an alert: made here alone, from its facts. */
import { durationText } from '../figures.ts'
import type { Alert, AlertIncident, AlertKind, AlertMonitor, AlertWebsite } from './body.ts'

export interface Words {
  /** One line. */
  readonly subject: string
  readonly text: string
}

export function wordsOf({ kind, body }: Pick<Alert, 'kind' | 'body'>): Words {
  const { website, incident, certificate, monitor } = body
  if (website && incident) return ofIncident(kind, website, incident)
  if (website && certificate) {
    const { days, expires, issuer } = certificate
    const left = Date.parse(expires) < Date.now() ? 'has ended' : `ends within ${days} ${days === 1 ? 'day' : 'days'}`
    const by = issuer === null ? '' : `It is of ${issuer}. `
    return words(`The certificate of ${website.name} ${left}`, `${by}It ends at ${shown(expires)}.`, website.url)
  }
  return ofMonitor(kind, monitor ?? { since: null, seconds: null })
}

/** Many at once, as one message: the first of them by name, and how many there are. */
export function digestOf(alerts: readonly Alert[], most: number): Words {
  const counts = (Object.keys(digestNames) as AlertKind[]).flatMap((kind) => {
    const count = alerts.filter((alert) => alert.kind === kind).length
    return count > 0 ? [`${count} ${digestNames[kind]}`] : []
  })
  const lines = alerts.slice(0, most).map((alert) => wordsOf(alert).subject)
  const rest = alerts.length - lines.length
  return words(`${alerts.length} alerts: ${counts.join(', ')}`, ...lines, ...(rest > 0 ? [`and ${rest} more`] : []))
}

const digestNames: Record<AlertKind, string> = {
  opened: 'unavailable',
  open: 'still unavailable',
  resolved: 'over',
  certificate: 'certificates that end',
  network: 'network in doubt',
  monitor: 'without check entries',
  recovered: 'check entries again',
  test: 'tests',
}

function ofIncident(kind: AlertKind, { name, url, tags }: AlertWebsite, incident: AlertIncident): Words {
  const { started, ended, seconds, cause, detail, retracted, closed } = incident
  const why = detail === null ? `Cause: ${cause}.` : `Cause: ${cause}: ${detail}${/[.!?]$/.test(detail) ? '' : '.'}`
  const facts = [
    why,
    `It began at ${shown(started)}${ended === null ? '.' : ` and ended at ${shown(ended)}.`}`,
    url,
    ...(tags.length > 0 ? [`Tags: ${tags.join(', ')}`] : []),
  ]
  const time = durationText(seconds * 1_000)
  if (kind === 'opened') return words(`${name} is unavailable: ${cause}`, ...facts)
  if (kind === 'open') return words(`${name} is still unavailable, for ${time} by now: ${cause}`, ...facts)
  if (retracted) return words(`${name} was available after all: a check that came late shows it`, ...facts)
  if (closed !== null) {
    const what = closed === 'removed' ? 'was removed from the list' : 'is not checked any more'
    return words(`${name} ${what}, and had been unavailable for ${time}`, ...facts)
  }
  return words(`${name} is available again, after ${time}`, ...facts)
}

function ofMonitor(kind: AlertKind, { since, seconds }: AlertMonitor): Words {
  const from = since === null ? '' : ` since ${shown(since)}`
  switch (kind) {
    case 'monitor':
      return words(
        `webmon stores no check entries${from}`,
        'Websites are not watched: look at the producer, at Kafka and at the lag of the consumer. webmon doctor helps.',
      )
    case 'recovered':
      return words(
        `webmon stores check entries again${seconds === null ? '' : `, after ${durationText(seconds * 1_000)}`}`,
      )
    case 'network':
      return words(
        `The network of webmon's producer is in doubt${from}`,
        'Most websites fail with a network error. While that lasts no incident opens because of one.',
      )
    default:
      return words('A test message of webmon', 'Alerts come here.')
  }
}

function words(subject: string, ...lines: readonly string[]): Words {
  const line = oneLine(subject)
  return { subject: line, text: [line, ...lines.map(oneLine)].join('\n') }
}

/** A name may hold whatever somebody typed. */
const oneLine = (text: string) => text.replaceAll(/[\s\p{Cc}]+/gu, ' ').trim()

const shown = (time: string) => new Date(time).toISOString().replace(/T(.*)\.\d+Z$/, ' $1 UTC')
