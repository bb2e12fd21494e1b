// Draws the response times in place of the plain chart, and keeps the page fresh.
import { keepFresh, take } from './live.js'
import uPlot from './uPlot.esm.js'

const place = document.getElementById('chart')
const source = place.dataset.source
const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim()
const phases = [
  ['DNS', 'dns', '--phase-1'],
  ['connect', 'connect', '--phase-2'],
  ['TLS', 'tls', '--phase-3'],
  ['first byte', 'first_byte', '--phase-4'],
  ['body', 'body', '--phase-5'],
]
const ms = (value) => (value == null ? '-' : `${Math.round(value)} ms`)

/** A value for each step, also for those without checks: there the lines are interrupted. */
function columns({ from, to, step, points }) {
  const at = new Map(points.map((point) => [Date.parse(point.from) / 1000, point]))
  const times = []
  for (let time = Date.parse(from) / 1000; time < Date.parse(to) / 1000; time += step) times.push(time)
  const known = times.map((time) => at.get(time))
  const sums = known.map((point) => {
    let sum = 0
    return phases.map(([, name]) => {
      sum += point?.[name] ?? 0
      return point?.[name] == null ? null : sum
    })
  })
  // The highest pile is drawn first, the next ones over it.
  const piles = phases.map((_, n) => sums.map((values) => values[n])).reverse()
  return [times, ...piles, known.map((point) => point?.p50 ?? null), known.map((point) => point?.p95 ?? null)]
}

function options(answer) {
  const axis = { stroke: css('--soft'), grid: { stroke: css('--line'), width: 1 }, ticks: { show: false } }
  const own = (name) => (plot, _value, _series, at) => {
    const point = at == null ? undefined : plot.points.get(plot.data[0][at])
    return ms(point?.[name])
  }
  const piled = [...phases].reverse().map(([label, name, colour]) => ({
    label,
    fill: css(colour),
    width: 0,
    points: { show: false },
    value: own(name),
  }))
  const line = (label, colour, dash) => ({ label, stroke: css(colour), width: 2, dash, value: (_, value) => ms(value) })
  return {
    width: place.clientWidth,
    height: 260,
    tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), 'Etc/UTC'),
    scales: { y: { range: (_, __, most) => [0, Math.max(10, most * 1.05)] } },
    axes: [
      // 24 h, and names of months that are short.
      { ...axis, values: (_, splits) => splits.map((time) => label(time, answer)) },
      { ...axis, size: 64, values: (_, splits) => splits.map((value) => `${value} ms`) },
    ],
    series: [
      {
        label: 'UTC',
        value: (_, time) => (time == null ? '-' : new Date(time * 1000).toISOString().slice(0, 16).replace('T', ' ')),
      },
      ...piled,
      line('p50', '--p50'),
      line('p95', '--p95', [6, 4]),
    ],
  }
}

function label(time, { from, to }) {
  const text = new Date(time * 1000).toISOString()
  const isShort = Date.parse(to) - Date.parse(from) <= 2 * 86_400_000
  const isMidnight = text.slice(11, 16) === '00:00'
  return isShort && !isMidnight ? text.slice(11, 16) : isMidnight || !isShort ? text.slice(5, 10) : text.slice(11, 16)
}

let chart
let last = ''
async function draw(again = false) {
  const response = await fetch(source)
  if (!response.ok) throw new Error(String(response.status))
  const text = await response.text()
  if (text === last && !again) return
  last = text
  const answer = JSON.parse(text)
  const data = columns(answer)
  const points = new Map(answer.points.map((point) => [Date.parse(point.from) / 1000, point]))
  if (chart && !again) {
    chart.points = points
    chart.setData(data)
    return
  }
  chart?.destroy()
  place.replaceChildren()
  chart = new uPlot(options(answer), data, place)
  chart.points = points
  chart.root.querySelector('.u-wrap').setAttribute('role', 'img')
  chart.root.querySelector('.u-wrap').setAttribute('aria-label', 'Response time: p50, p95, and the phases piled up')
}

const style = document.createElement('link')
style.rel = 'stylesheet'
style.href = '/assets/uPlot.min.css'
document.head.prepend(style)

await draw().catch(() => undefined)
new ResizeObserver(() => chart?.setSize({ width: place.clientWidth, height: 260 })).observe(place)
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => draw(true))
keepFresh(() => Promise.all([take(location.href), draw()]))
