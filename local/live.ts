import { setTimeout as sleep } from 'node:timers/promises'
import type { Figures, FiguresReader } from './figures.ts'
import type { Terminal } from './terminal.ts'

/** Until the first check is stored, and then. */
const lookEveryMs = { first: 200, later: 1_000 }
/** The figures may cost this part of the time: counting a long run's rows takes its while. */
const figuresShare = 0.05

/**
 * Shows the figures until it is over, and says when the first check was stored.
 *
 * @param seconds the time since the start, as text
 */
export async function showFigures(
  reader: FiguresReader,
  terminal: Terminal,
  seconds: () => string,
  over: AbortSignal,
): Promise<void> {
  let stored = false
  while (!over.aborted) {
    const begun = performance.now()
    const figures = await reader.read()
    if (over.aborted) return
    const tookMs = performance.now() - begun
    if (!stored && figures.rows > 0) {
      stored = true
      terminal.say(`first check stored after ${seconds()}`)
    }
    terminal.live(line(figures))
    const pauseMs = Math.max(stored ? lookEveryMs.later : lookEveryMs.first, tookMs / figuresShare)
    await sleep(pauseMs, undefined, { signal: over }).catch(() => {})
  }
}

function line(figures: Figures): string {
  const time = new Date().toTimeString().slice(0, 8)
  const parts = (['checks', 'failures', 'rows', 'lag'] as const).map((key) => `${key} ${thousands(figures[key])}`)
  return [time, ...parts].join('  ')
}

function thousands(count: number): string {
  return count.toLocaleString('en-US')
}
