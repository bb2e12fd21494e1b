/** How times and shares are written for people. */

export const timeText = (time: Date | string) => new Date(time).toISOString().replace(/T(.*)\.\d+Z$/, ' $1Z')

/** Rounded down: 99.999 % is not all of it. */
export const percent = (share: number) => `${(Math.floor(share * 10_000) / 100).toFixed(2)} %`

/** In its two largest units: 45 s, 12 min, 3 h 5 min, 2 d 4 h. */
export function durationText(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000))
  if (seconds < 60) return `${seconds} s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 60) return `${minutes} min`
  const hours = Math.floor(minutes / 60)
  if (hours < 24) return minutes % 60 === 0 ? `${hours} h` : `${hours} h ${minutes % 60} min`
  const days = Math.floor(hours / 24)
  return hours % 24 === 0 || days >= 30 ? `${days} d` : `${days} d ${hours % 24} h`
}
