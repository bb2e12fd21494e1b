/** How times and shares are written for people. */

export const timeText = (time: Date | string) => new Date(time).toISOString().replace(/T(.*)\.\d+Z$/, ' $1Z')

/** Rounded down: 99.999 % is not all of it. */
export const percent = (share: number) => `${(Math.floor(share * 10_000) / 100).toFixed(2)} %`

const unitsMs = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['min', 60_000],
  ['s', 1_000],
] as const

/** In its two largest units: 45 s, 12 min 5 s, 3 h 5 min, 2 d 4 h. */
export function durationText(ms: number): string {
  let restMs = Math.max(0, Math.round(ms / 1_000) * 1_000)
  const counts = unitsMs.map(([unit, unitMs]) => {
    const count = Math.floor(restMs / unitMs)
    restMs -= count * unitMs
    return { unit, count }
  })
  const first = counts.findIndex(({ count }) => count > 0)
  if (first === -1) return '0 s'
  const shown = counts.slice(first, first + 2).filter(({ count }) => count > 0)
  return shown.map(({ unit, count }) => `${count} ${unit}`).join(' ')
}

/** Of what may go on: no seconds from a minute on, and no hours from 30 days on. Rounded down. */
export function roughDurationText(ms: number): string {
  const stepMs = ms < 60_000 ? 1_000 : ms < 30 * 86_400_000 ? 60_000 : 86_400_000
  return durationText(Math.floor(ms / stepMs) * stepMs)
}
