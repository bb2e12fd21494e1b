import { percent } from '../figures.ts'
import { Answer } from './answer.ts'
import { type Html, html } from './html.ts'
import { statusWords } from './layout.ts'
import type { ShownWebsite } from './overview.ts'

/** The status, and the uptime of 30 days with its coverage, as an image to be put into other pages. */
export function badge(website: ShownWebsite): Answer {
  const { now } = website
  const { uptime, coverage } = website.uptime('30d')
  const share = uptime === null ? 'no checks' : `${percent(uptime)} of ${percent(coverage)}`
  const { word, sign } = statusWords[now.status]
  return new Answer(
    200,
    'image/svg+xml',
    drawn(shortened(now.name), `${sign} ${word}, 30 days ${share}`, colours[now.status]).text,
    {
      // Other pages are meant to show it, and it runs nothing.
      'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'",
      'cross-origin-resource-policy': 'cross-origin',
    },
  )
}

const colours = { active: '#0b6e69', unavailable: '#b3261e', unknown: '#5f6670', disabled: '#5f6670' }
const shortened = (name: string) => (name.length > 40 ? `${name.slice(0, 39)}…` : name)

function drawn(name: string, text: string, colour: string): Html {
  // No font is known here: textLength makes the text as wide as its place.
  const [left, right] = [name, text].map((part) => [...part].length * 6.4 + 14) as [number, number]
  const part = (words: string, x: number, width: number) =>
    html`<text x="${(x + 7).toFixed(1)}" y="14" textLength="${(width - 14).toFixed(1)}" lengthAdjust="spacingAndGlyphs">${words}</text>`
  return html`<svg xmlns="http://www.w3.org/2000/svg" width="${(left + right).toFixed(1)}" height="20" role="img" aria-label="${name}: ${text}"><title>${name}: ${text}</title><rect width="${(left + right).toFixed(1)}" height="20" rx="3" fill="#30363d"/><path fill="${colour}" d="M${left.toFixed(1)} 0h${(right - 3).toFixed(1)}a3 3 0 0 1 3 3v14a3 3 0 0 1-3 3h-${(right - 3).toFixed(1)}z"/><g fill="#fff" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11">${part(name, 0, left)}${part(text, left, right)}</g></svg>`
}
