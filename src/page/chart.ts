import { type Html, html } from './html.ts'
import type { ResponseTimes } from './responseTimes.ts'

const width = 1000
const height = 200

/** p50 and p95 as two lines, for browsers without JavaScript: a script draws more in its place. */
export function lineChart({ points, from, to, stepSeconds }: ResponseTimes): Html {
  const most = Math.max(1, ...points.map(({ p95 }) => p95 ?? 0))
  const x = (ms: number) => (((ms - from.getTime()) / (to.getTime() - from.getTime())) * width).toFixed(1)
  const line = (name: 'p50' | 'p95') => {
    let lastAt = Number.NEGATIVE_INFINITY
    return points
      .filter((point) => point[name] !== null)
      .map((point) => {
        // Where steps are missing the line is interrupted.
        const pen = point.at - lastAt > stepSeconds * 1500 ? 'M' : 'L'
        lastAt = point.at
        return `${pen}${x(point.at)} ${(height - 2 - ((point[name] as number) / most) * (height - 12)).toFixed(1)}h.1`
      })
      .join('')
  }
  return html`<svg class="plain-chart" viewBox="0 0 ${width} ${height}" role="img" aria-label="Response time, p50 and p95, up to ${most} ms"><path class="p95" d="${line('p95')}"/><path class="p50" d="${line('p50')}"/></svg>`
}
