import type { ListedWebsite } from '../database/websiteList.ts'
import { percent, timeText } from '../figures.ts'
import { shownName } from '../shownName.ts'
import { shownUrl } from '../shownUrl.ts'
import { properties, table } from './table.ts'

const hidden = 'hidden'

/** As it stands in the table, with what may be secret hidden. */
export function withoutSecrets(website: ListedWebsite) {
  const { headers, body, url } = website
  return {
    ...website,
    url: shownUrl(url),
    headers: headers && Object.fromEntries(Object.keys(headers).map((name) => [shownName(name), hidden])),
    body: body && hidden,
  }
}

export function websiteTable(websites: readonly ListedWebsite[]): string {
  const head = ['name', 'status', 'last check', 'uptime 24 h', 'coverage', 'url']
  return table(
    head,
    websites.map((website) => [
      website.name,
      statusOf(website),
      website.last_check ? timeText(website.last_check.timestamp) : '-',
      website.uptime === null ? '-' : percent(website.uptime),
      percent(website.coverage),
      shownUrl(website.url),
    ]),
  )
}

export function describeWebsite(website: ListedWebsite): string {
  const { last_check: last, silenced_until: silenced, certificate_expires: expires } = website
  const orDefault = (value: number | string | null, unit = '') => (value === null ? 'the default' : `${value}${unit}`)
  const outcome = last && (last.error === null ? `status ${last.http_status}` : `${last.error}: ${last.detail}`)
  return properties({
    name: website.name,
    id: website.website_id,
    url: shownUrl(website.url),
    status: statusOf(website),
    'last check': last && `${timeText(last.timestamp)}, ${outcome}, ${last.response_time} ms`,
    'uptime 24 h': website.uptime === null ? 'no checks' : percent(website.uptime),
    coverage: percent(website.coverage),
    certificate: expires && `of ${website.certificate_issuer}, ends ${timeText(expires)}`,
    'silenced until': silenced && silenced.getTime() > Date.now() ? timeText(silenced) : null,
    added: timeText(website.timestamp),
    tags: website.tags.length > 0 ? website.tags.join(', ') : null,
    regex: website.regex === '' ? null : website.regex,
    interval: orDefault(website.interval, ' s'),
    timeout: orDefault(website.timeout, ' s'),
    method: website.method ?? 'GET',
    headers:
      website.headers &&
      Object.keys(website.headers)
        .map((name) => `${shownName(name)} (${hidden})`)
        .join(', '),
    body: website.body && hidden,
    'expected status': website.expected_status ?? '100-399',
    'follow redirects': website.follow_redirects === false ? 'no' : 'yes',
    'verify certificate': website.verify_certificate === false ? 'no' : 'yes',
  })
}

function statusOf({ enabled, status }: ListedWebsite): string {
  return enabled ? status : 'disabled'
}
