import { roughDurationText } from '../figures.ts'
import { type Html, html, type Part } from './html.ts'
import type { Snapshot, Status } from './overview.ts'

/** What a status is called. Its sign can be told from the others without colours. */
export const statusWords: Record<Status, { readonly word: string; readonly sign: string }> = {
  active: { word: 'up', sign: '●' },
  unavailable: { word: 'down', sign: '▼' },
  unknown: { word: 'unknown', sign: '○' },
  disabled: { word: 'disabled', sign: '–' },
}

export function statusBadge(status: Status): Html {
  const { word, sign } = statusWords[status]
  return html`<span class="status ${status}"><i aria-hidden="true">${sign}</i>${word}</span>`
}

/** `script`: of `assets/`. It comes on top of a page that is whole without it. */
export function layout(
  title: string,
  script: string | null,
  { atMs, isOld }: Pick<Snapshot, 'atMs' | 'isOld'>,
  main: Part,
): Html {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<title>${title}</title>
<link rel="icon" href="/assets/icon.svg">
<link rel="stylesheet" href="/assets/page.css">
${script && html`<script type="module" src="/assets/${script}"></script>`}
</head>
<body>
<header>
<a class="home" href="/">webmon</a>
<p id="as-of" data-live role="status" class="${isOld ? 'old' : ''}">${isOld && 'The database does not answer. '}As of ${timeTag(atMs, 'clock')} UTC</p>
</header>
<main>
${main}
</main>
</body>
</html>
`
}

/** Of UTC: `24 Nov 2026, 21:04:05`, or its time alone. */
export function timeTag(time: number | string, form: 'full' | 'short' | 'clock' | 'day' = 'full'): Html {
  const iso = new Date(time).toISOString()
  const [, year, month, day, clock] = /^(\d+)-(\d\d)-(\d\d)T(.{8})/.exec(iso) as unknown as [
    string,
    string,
    string,
    string,
    string,
  ]
  const date = `${Number(day)} ${months[Number(month) - 1]}`
  const text = {
    clock,
    day: `${date} ${year}`,
    short: `${date} ${clock.slice(0, 5)}`,
    full: `${date} ${year}, ${clock}`,
  }[form]
  return html`<time datetime="${iso}">${text}</time>`
}

const months = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' ')

/** For how long something has lasted. */
export function since(ms: number | null, nowMs: number): Html | null {
  if (ms === null) return null
  return html`<time datetime="${new Date(ms).toISOString()}" title="since ${timeTag(ms).text.replace(/<[^>]*>/g, '')} UTC">${roughDurationText(nowMs - ms)}</time>`
}

/** A page that says in a sentence why there is nothing else on it. */
export function messagePage(title: string, sentence: string): Html {
  return layout(
    title,
    null,
    { atMs: Date.now(), isOld: false },
    html`<h1>${title}</h1><p>${sentence}</p><p><a href="/">All websites</a></p>`,
  )
}
