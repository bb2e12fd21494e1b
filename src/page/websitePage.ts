import type { ShownIncident, StoredCheck } from '../database/websiteHistory.ts'
import type { ListedWebsite } from '../database/websiteList.ts'
import { roughDurationText } from '../figures.ts'
import { barStrip, stripLabel, uptimeFigure } from './bars.ts'
import { lineChart } from './chart.ts'
import { dayMs, type Window, windows } from './history.ts'
import { type Html, html } from './html.ts'
import { layout, since, statusBadge, timeTag } from './layout.ts'
import type { ShownWebsite, Snapshot } from './overview.ts'
import { windowWords } from './overviewPage.ts'
import type { ResponseTimes } from './responseTimes.ts'

export interface WebsiteDetails {
  readonly settings: ListedWebsite
  readonly checks: readonly StoredCheck[]
  readonly incidents: readonly ShownIncident[]
  readonly times: ResponseTimes
  readonly range: Window
}

export function websitePage(snapshot: Snapshot, website: ShownWebsite, details: WebsiteDetails): Html {
  const { now } = website
  return layout(`${now.name} - webmon`, 'website.js', snapshot, [
    head(website),
    uptimes(website),
    responseTimes(website, details),
    html`<div class="columns">${statusCodes(details.times)}${certificate(details.settings, now.now)}${settings(details.settings)}</div>`,
    incidents(details.incidents, now.now),
    checks(details.checks),
  ])
}

function head({ now, url, sinceMs }: ShownWebsite): Html {
  const link =
    /^https?:/.test(url) && !url.includes('hidden') ? html`<a href="${url}" rel="noreferrer noopener">${url}</a>` : url
  return html`<div id="head" data-live>
<h1>${now.name} ${statusBadge(now.status)}</h1>
<p>${link} ${now.tags.map((tag) => html`<a class="tag" href="/?${new URLSearchParams({ tag }).toString()}">${tag}</a> `)}</p>
<p>${sinceMs !== null && html`${now.status === 'active' ? 'Up' : 'Down'} for ${since(sinceMs, now.now)}, since ${timeTag(sinceMs)}. `}${now.incident !== null && html`<b>${now.cause}</b> ${now.detail}`}</p>
</div>`
}

function uptimes(website: ShownWebsite): Html {
  const [hours, days] = [website.hourBars(), website.dayBars()]
  const strip = (bars: typeof hours, unit: 'hour' | 'day', from: string, to: string) =>
    html`<figure>${barStrip(bars, stripLabel(bars, unit))}<figcaption><span>${from}</span><span>${to}</span></figcaption></figure>`
  return html`<section id="uptime" data-live aria-labelledby="uptime-title">
<h2 id="uptime-title">Uptime</h2>
<dl class="tiles">${windows.map((window) => html`<div><dt>${windowWords[window]}</dt><dd>${uptimeFigure(website.uptime(window))}</dd></div>`)}</dl>
<div class="strips">${strip(hours, 'hour', '24 hours ago', 'this hour')}${strip(days, 'day', '90 days ago', 'today')}</div>
<p class="legend"><span class="key up">good</span><span class="key down">failed</span><span class="key half">lower: checked for a part of the time</span><span class="key gap">no checks: nothing is known</span></p>
</section>`
}

function responseTimes({ id }: ShownWebsite, { times, range }: WebsiteDetails): Html {
  const known = times.points.filter(({ p50 }) => p50 !== null)
  const all = known.map(({ p95 }) => p95 as number)
  const how = {
    checks: 'To the millisecond, from the checks.',
    hours: 'p50 and p95 from the histogram of each hour, phases from some of its checks.',
    days: 'p50 and p95 from the histogram of each day, phases from some of its checks.',
  }
  const from = times.from.toISOString()
  return html`<section aria-labelledby="times-title">
<h2 id="times-title">Response time</h2>
<nav class="ranges" aria-label="Range">${windows.map((window) => html`<a href="?range=${window}"${window === range && html` aria-current="true"`}>${windowWords[window]}</a>`)}</nav>
<div id="chart" data-source="/api/websites/${id}/response-times?range=${range}">${lineChart(times)}</div>
<p class="how">${known.length === 0 ? html`There is no response since ${timeTag(from)}.` : html`p95 up to ${Math.max(...all)} ms. ${how[times.source]} Times are of UTC.`}</p>
</section>`
}

function statusCodes({ statusCounts, statusLimit }: ResponseTimes): Html {
  const total = statusCounts.reduce((sum, { checks }) => sum + checks, 0)
  const text = total >= statusLimit ? `the newest ${statusLimit} checks` : `${total} checks`
  return html`<section id="codes" data-live aria-labelledby="codes-title"><h2 id="codes-title">Answers</h2>
<p class="how">Of ${text} of this range.</p>
<table class="codes"><tbody>${statusCounts.map(
    ({
      http_status,
      error,
      checks,
    }) => html`<tr><th scope="row">${http_status === 0 ? 'none' : http_status}${error && html` <b>${error}</b>`}</th>
<td><meter min="0" max="${total}" value="${checks}" aria-label="share of the checks"></meter></td><td class="figure">${checks}</td></tr>`,
  )}</tbody></table></section>`
}

function certificate({ certificate_expires: expires, certificate_issuer: issuer }: ListedWebsite, nowMs: number): Html {
  const days = expires && Math.floor((expires.getTime() - nowMs) / dayMs)
  return html`<section id="certificate" data-live aria-labelledby="certificate-title"><h2 id="certificate-title">Certificate</h2>
${expires && days !== null ? html`<dl class="pairs"><dt>Issuer</dt><dd>${issuer}</dd><dt>Ends</dt><dd>${timeTag(expires.getTime(), 'day')}, <b class="${days < 14 ? 'less' : ''}">${days < 0 ? 'has ended' : `${days} days left`}</b></dd></dl>` : html`<p class="none">None was shown.</p>`}</section>`
}

function settings(website: ListedWebsite): Html {
  const pairs: [string, string | Html][] = [
    ['Interval', website.interval === null ? 'the default' : `${website.interval} s`],
    ['Request', website.method ?? 'GET'],
    ['Expected', website.expected_status ?? '100-399'],
    ['Regex', website.regex === '' ? 'any page' : html`<code>${website.regex}</code>`],
    ['Added', timeTag(website.timestamp.getTime(), 'day')],
  ]
  return html`<section id="settings" data-live aria-labelledby="settings-title"><h2 id="settings-title">Check</h2>
<dl class="pairs">${pairs.map(([name, value]) => html`<dt>${name}</dt><dd>${value}</dd>`)}</dl></section>`
}

function incidents(list: readonly ShownIncident[], nowMs: number): Html {
  return html`<section id="incidents" data-live aria-labelledby="incidents-title"><h2 id="incidents-title">Incidents</h2>
${list.length === 0 && html`<p class="none">None.</p>`}
${list.map(({ id, started, ended, cause, detail, first }) => {
  const endMs = ended === null ? nowMs : Date.parse(ended)
  return html`<details id="i-${id}" class="incident"><summary>${timeTag(started)} <span class="${ended === null ? 'down' : ''}">${ended === null ? 'open for' : 'over after'} ${roughDurationText(endMs - Date.parse(started))}</span> <b>${cause}</b> ${detail}</summary>
${first ? entry(first) : html`<p class="none">Its first failing entry is older than what is kept.</p>`}</details>`
})}</section>`
}

/** In the order of the README. */
const entryFields = [
  ...([
    'timestamp',
    'available',
    'http_status',
    'error',
    'detail',
    'response_time',
    'dns_time',
    'connect_time',
  ] as const),
  ...([
    'tls_time',
    'first_byte_time',
    'body_time',
    'redirects',
    'final_url',
    'regex',
    'regex_match',
    'recheck',
  ] as const),
  ...(['suspect', 'id'] as const),
]

function entry(check: StoredCheck): Html {
  const pairs = entryFields.map((name) => [name, check[name]] as const).filter(([, value]) => value !== null)
  return html`<dl class="pairs entry">${pairs.map(([name, value]) => html`<dt>${name}</dt><dd>${name === 'timestamp' ? timeTag(check.timestamp) : String(value)}</dd>`)}</dl>`
}

function checks(list: readonly StoredCheck[]): Html {
  return html`<section id="checks" data-live aria-labelledby="checks-title"><h2 id="checks-title">Last checks</h2>
<div class="scroll" tabindex="0" role="region" aria-label="Last checks"><table class="checks"><thead><tr><th scope="col">Start</th><th scope="col">Outcome</th><th scope="col" class="figure">Status</th><th scope="col" class="figure">Response</th><th scope="col">DNS, connect, TLS, first byte, body in ms</th><th scope="col">Reason</th></tr></thead>
<tbody>${list.map(
    (
      check,
    ) => html`<tr><td>${timeTag(check.timestamp)}</td><td>${statusBadge(check.available === null ? 'unknown' : check.available ? 'active' : 'unavailable')}${check.recheck && html` <small>recheck</small>`}</td>
<td class="figure">${check.http_status === 0 ? 'none' : check.http_status}</td><td class="figure">${check.response_time} ms</td>
<td class="phases">${[check.dns_time, check.connect_time, check.tls_time, check.first_byte_time, check.body_time].map((time) => time ?? '–').join(' · ')}</td>
<td>${check.error && html`<b>${check.error}</b> `}${check.detail ?? (check.available === false && !check.regex_match ? 'the regex was not found' : '')}</td></tr>`,
  )}</tbody></table></div></section>`
}
