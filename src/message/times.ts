/** A date and a time with its zone, in ms; else NaN. */
export function timeNamed(text: string): number {
  const ms = timeOfOurs(text)
  return Number.isNaN(ms) && /T.*(Z|[+-]\d\d:\d\d)$/.test(text) ? Date.parse(text) : ms
}

/** Of 2026-11-24T12:00:00.000Z, in a fifth of the time of Date.parse; NaN: of another form, or no such time. */
export function timeOfOurs(text: string): number {
  if (text.length !== 24 || text[10] !== 'T' || text[19] !== '.' || text[23] !== 'Z') return Number.NaN
  if (text[4] !== '-' || text[7] !== '-' || text[13] !== ':' || text[16] !== ':') return Number.NaN
  const year = digits(text, 0, 4)
  const month = digits(text, 5, 7)
  const day = digits(text, 8, 10)
  const hours = digits(text, 11, 13)
  const minutes = digits(text, 14, 16)
  const seconds = digits(text, 17, 19)
  const isTime = hours <= 23 && minutes <= 59 && seconds <= 59
  if (!isTime || !(year >= 1970 && month >= 1 && month <= 12 && day >= 1 && day <= 31)) return Number.NaN
  return Date.UTC(year, month - 1, day, hours, minutes, seconds, digits(text, 20, 23))
}

/** The number that these characters are, or NaN. */
function digits(text: string, from: number, to: number): number {
  let number = 0
  for (let i = from; i < to; i++) {
    const digit = text.charCodeAt(i) - 48
    if (!(digit >= 0 && digit <= 9)) return Number.NaN
    number = number * 10 + digit
  }
  return number
}

/** The time of a version 1 UUID, in ms of the Unix epoch: 100 ns since 15 October 1582 (RFC 9562, 5.1). */
export function timeInside(id: string | undefined): number | undefined {
  if (id?.[14] !== '1') return undefined
  const ticks = BigInt(`0x${id.slice(15, 18)}${id.slice(9, 13)}${id.slice(0, 8)}`)
  return Number(ticks / 10_000n - 12_219_292_800_000n)
}
