/** What `webmon doctor` found out about one part, in words for people. */
export interface Finding {
  readonly part: string
  /** `note`: it works, and is worth knowing. */
  readonly state: 'well' | 'note' | 'wrong'
  readonly message: string
  /** What to do; null: nothing. */
  readonly advice: string | null
}

export const well = (part: string, message: string): Finding => ({ part, state: 'well', message, advice: null })

export const note = (part: string, message: string, advice: string | null = null): Finding => ({
  part,
  state: 'note',
  message,
  advice,
})

export const wrong = (part: string, message: string, advice: string): Finding => ({
  part,
  state: 'wrong',
  message,
  advice,
})

/** A check's start is the producer's time, and queries go by the database's. */
const mostClockSeconds = 5

/**
 * Compares a server's clock with ours.
 *
 * @param ask gives the server's time, in ms
 */
export async function compareClocks(part: string, server: string, ask: () => Promise<number>): Promise<Finding> {
  const beforeMs = Date.now()
  const theirsMs = await ask()
  const oursMs = (beforeMs + Date.now()) / 2
  const seconds = Math.round((theirsMs - oursMs) / 100) / 10
  if (Math.abs(seconds) <= mostClockSeconds) return well(part, `${server} and this machine agree`)
  const direction = seconds > 0 ? 'ahead of' : 'behind'
  return wrong(
    part,
    `the clock of ${server} is ${Math.abs(seconds)} s ${direction} this machine's`,
    'set both by a time server (chrony, systemd-timesyncd): entries carry the time of the machine that checks',
  )
}
