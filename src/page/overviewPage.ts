import { barStrip, sparkline, stripLabel, uptimeFigure } from './bars.ts'
import { type Filter, matching, type Sort, sorted, tagsOf } from './filter.ts'
import { windows } from './history.ts'
import { type Html, html } from './html.ts'
import { layout, since, statusBadge, statusWords, timeTag } from './layout.ts'
import { type ShownWebsite, type Snapshot, type Status, statuses } from './overview.ts'

const perPage = 50
const incidentsShown = 20

export function overviewPage(snapshot: Snapshot, filter: Filter): Html {
  const down = snapshot.counts.unavailable
  const title = `${down > 0 ? `${down} down` : 'webmon'} - ${snapshot.websites.length} websites`
  return layout(title, 'overview.js', snapshot, [
    html`<h1 class="hidden">Websites</h1>`,
    counts(snapshot, filter),
    openIncidents(snapshot),
    filterForm(snapshot, filter),
    list(snapshot, filter),
  ])
}

function counts({ counts, websites }: Snapshot, { status }: Filter): Html {
  const link = (value: Status | '', count: number, word: Html | string) =>
    html`<a href="/${value && `?status=${value}`}" class="${value}"${status === value && html` aria-current="true"`}><b>${count.toLocaleString('en')}</b> ${word}</a>`
  return html`<nav id="counts" data-live aria-label="Websites by status">
${link('', websites.length, 'websites')}
${statuses.map((value) => link(value, counts[value], html`<i aria-hidden="true">${statusWords[value].sign}</i>${statusWords[value].word}`))}
</nav>`
}

function openIncidents({ websites, atMs }: Snapshot): Html {
  const open = websites
    .filter(({ now }) => now.incident !== null)
    .sort((one, other) => (other.now.started ?? 0) - (one.now.started ?? 0))
  const rows = open.slice(0, incidentsShown).map(
    ({ id, now }) => html`<li><a href="/websites/${id}">${now.name}</a>
<span>down for ${since(now.started, atMs)}</span>
<span><b>${now.cause}</b> ${now.detail}</span></li>`,
  )
  const more = open.length - rows.length
  return html`<section id="incidents" data-live class="${open.length === 0 ? 'calm' : 'alarm'}" aria-labelledby="incidents-title">
<h2 id="incidents-title">${open.length === 0 ? 'No open incident' : `Open incidents: ${open.length}`}</h2>
${rows.length > 0 && html`<ul>${rows}</ul>`}
${more > 0 && html`<p><a href="/?status=unavailable&amp;sort=since">${more} more</a></p>`}
</section>`
}

const sortWords: Record<Sort, string> = {
  status: 'status',
  name: 'name',
  uptime: 'lowest uptime of 30 days',
  response: 'longest response time',
  since: 'latest change',
}

function filterForm(snapshot: Snapshot, { q, tag, status, sort }: Filter): Html {
  const option = (value: string, chosen: string, text: string) =>
    html`<option value="${value}"${value === chosen && html` selected`}>${text}</option>`
  const tags = tagsOf(snapshot)
  return html`<form id="filter" action="/" method="get" role="search">
<label class="wide">Filter <input type="search" name="q" value="${q}" placeholder="name, URL or tag" autocomplete="off" maxlength="200"></label>
<label>Status <select name="status">${option('', status, 'any')}${statuses.map((value) => option(value, status, statusWords[value].word))}</select></label>
${tags.length > 0 && html`<label>Tag <select name="tag">${option('', tag, 'any')}${tags.map((value) => option(value, tag, value))}</select></label>`}
<label>Sort by <select name="sort">${Object.entries(sortWords).map(([value, text]) => option(value, sort, text))}</select></label>
<button>Show</button>
</form>`
}

function list(snapshot: Snapshot, filter: Filter): Html {
  const all = sorted(matching(snapshot, filter), filter.sort)
  const pages = Math.max(1, Math.ceil(all.length / perPage))
  const page = Math.min(filter.page, pages)
  const shown = all.slice((page - 1) * perPage, page * perPage)
  const range = all.length === 0 ? '' : `${(page - 1) * perPage + 1} to ${(page - 1) * perPage + shown.length} of `
  return html`<section id="list" data-live aria-label="Websites">
<p class="range" role="status">${range}${all.length} ${all.length === 1 ? 'website' : 'websites'}</p>
${
  all.length > 0
    ? html`<table class="websites">
<thead><tr><th scope="col">Website</th><th scope="col">Status</th><th scope="col">24 hours</th><th scope="col">90 days</th>${windows.map((window) => html`<th scope="col" class="figure">${windowWords[window]}</th>`)}<th scope="col">Response time</th></tr></thead>
<tbody>
${shown.map((website) => row(website))}
</tbody>
</table>`
    : html`<p class="empty">${snapshot.websites.length > 0 ? 'None of the websites fits the filter.' : html`There is no website yet: <code>webmon website add https://my.example/</code> adds one.`}</p>`
}
${pages > 1 && pager(filter, page, pages)}
</section>`
}

export const windowWords = { '24h': '24 h', '7d': '7 days', '30d': '30 days', '90d': '90 days' } as const

function row(website: ShownWebsite): Html {
  const { id, url, now, sinceMs } = website
  const [hours, days] = [website.hourBars(), website.dayBars()]
  const why = now.status === 'unavailable' && (now.cause ?? now.error ?? `http_status ${now.http_status}`)
  return html`<tr id="w-${id}">
<th scope="row"><a href="/websites/${id}">${now.name}</a><small>${url}${now.tags.map((tag) => html` <a class="tag" href="/?${new URLSearchParams({ tag }).toString()}">${tag}</a>`)}</small></th>
<td class="state">${statusBadge(now.status)} <small>${since(sinceMs, now.now)} ${why && html`<b>${why}</b>`}</small></td>
<td class="hours">${barStrip(hours, stripLabel(hours, 'hour'))}</td>
<td class="days">${barStrip(days, stripLabel(days, 'day'))}</td>
${windows.map((window) => html`<td class="figure" data-window="${windowWords[window]}">${uptimeFigure(website.uptime(window))}</td>`)}
<td class="response"><div>${sparkline(hours)} <span>${now.http_status ? `${now.response_time} ms` : now.checked === null ? '' : 'no response'} <small>${now.checked !== null && timeTag(now.checked, 'clock')}</small></span></div></td>
</tr>`
}

function pager(filter: Filter, page: number, pages: number): Html {
  const link = (to: number, text: string) => {
    if (to < 1 || to > pages) return html`<span class="none">${text}</span>`
    const given = Object.entries({ ...filter, page: String(to) }).filter(([, value]) => value !== '')
    return html`<a href="/?${new URLSearchParams(given).toString()}">${text}</a>`
  }
  return html`<nav class="pager" aria-label="Pages">${link(page - 1, 'Previous')} <span>page ${page} of ${pages}</span> ${link(page + 1, 'Next')}</nav>`
}
