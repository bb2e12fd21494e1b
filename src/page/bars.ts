import { percent } from '../figures.ts'
import type { Bar } from './history.ts'
import { type Html, html } from './html.ts'

const height = 16
const width = 3
/** Below this share of its time, nothing is known of an hour or a day. */
const gapBelow = 0.02
/** From here on it counts as whole: checks come some seconds earlier or later. */
const wholeFrom = 0.9

/**
 * A bar for each hour or day. Its height says for how much of the time there are checks: a gap stays empty, but for a dot
 * on the ground. What failed is dark, from the ground up: it can be told without colours.
 */
export function barStrip(bars: readonly Bar[], label: string): Html {
  const paths = { up: '', down: '', gap: '' }
  const runs = { up: run(), down: run(), gap: run() }
  for (const [n, bar] of bars.entries()) {
    const known = bar.coverage >= gapBelow && bar.uptime !== null
    const full = known ? (bar.coverage >= wholeFrom ? height : Math.max(4, Math.round(bar.coverage * height))) : 0
    const failed = known && bar.uptime !== 1 ? Math.max(3, Math.round((1 - (bar.uptime as number)) * full)) : 0
    paths.up += runs.up(n, full > failed ? height - full : -1, full - failed)
    paths.down += runs.down(n, failed > 0 ? height - failed : -1, failed)
    paths.gap += runs.gap(n, known || bar.before ? -1 : height - 1, 1)
  }
  for (const name of ['up', 'down', 'gap'] as const) paths[name] += runs[name](bars.length, -1, 0)
  const size = bars.length * width
  return html`<svg class="strip" viewBox="0 0 ${size} ${height}" width="${size}" height="${height}" preserveAspectRatio="none" role="img" aria-label="${label}">${(
    ['up', 'down', 'gap'] as const
  ).map((name) => paths[name] && html`<path class="${name}" d="${paths[name]}"/>`)}</svg>`
}

/** Bars side by side of one height become one rectangle; the style sheet draws the lines between them. */
function run() {
  let from = 0
  let top = -1
  let tall = 0
  return (n: number, nextTop: number, nextTall: number): string => {
    if (nextTop === top && nextTall === tall) return ''
    const path = top < 0 ? '' : `M${from * width} ${top}h${(n - from) * width}v${tall}h-${(n - from) * width}z`
    from = n
    top = nextTop
    tall = nextTall
    return path
  }
}

/** What a strip says, in words. */
export function stripLabel(bars: readonly Bar[], unit: 'hour' | 'day'): string {
  const known = bars.filter(({ coverage, uptime }) => coverage >= gapBelow && uptime !== null)
  const failed = known.filter(({ uptime }) => uptime !== 1).length
  const gaps = bars.filter(({ before }) => !before).length - known.length
  return `By ${unit}: ${known.length} with checks, ${failed} of them with failures, ${gaps} without checks`
}

/** A line of the mean response time of each hour. What is not known interrupts it. */
export function sparkline(bars: readonly Bar[]): Html {
  const times = bars.map(({ responseTime }) => responseTime)
  const known = times.filter((time) => time !== null)
  if (known.length === 0) return html`<span class="none">no response</span>`
  const most = Math.max(...known)
  // From 0 on, or a change of 1 ms would look like one of a second.
  const y = (time: number) => (15 - (time / most) * 13).toFixed(1)
  let pen = 'M'
  const path = times.map((time, n) => {
    if (time === null) {
      pen = 'M'
      return ''
    }
    // Of one hour alone there is a dot.
    const alone = pen === 'M' && (times[n + 1] ?? null) === null
    const point = `${pen}${n * 3 + 1} ${y(time)}${alone ? 'h.1' : ''}`
    pen = 'L'
    return point
  })
  const label = `Mean response time by hour: ${Math.min(...known)} to ${most} ms`
  return html`<svg class="spark" viewBox="0 0 ${bars.length * 3} 16" width="${bars.length * 3}" height="16" role="img" aria-label="${label}"><path d="${path.join('')}"/></svg>`
}

/** Uptime, never without its coverage. */
export function uptimeFigure({ uptime, coverage }: Pick<Bar, 'uptime' | 'coverage'>): Html {
  const [figure, level] =
    uptime === null
      ? ['no checks', 'none']
      : [percent(uptime), uptime >= 0.9995 ? 'fine' : uptime >= 0.99 ? 'some' : 'less']
  const known = coverage >= 0.9995 ? 'of 100 %' : `of ${percent(coverage).replace(/\.(\d)\d/, '.$1')}`
  return html`<b class="${level}">${figure}</b> <small class="${coverage < wholeFrom ? 'thin' : ''}" title="coverage: the share of the time for which there are checks">${known}</small>`
}
