import { execFileSync } from 'node:child_process'

/** A process and all below it, parents first: those of PostgreSQL are in no group with the one that starts them. */
function familyOf(pid: number): number[] {
  const lines = execFileSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' }).trim().split('\n')
  const processes = lines.map((line) => line.trim().split(/\s+/).map(Number) as [number, number])
  const below = (parent: number): number[] => [
    parent,
    ...processes.filter(([, of]) => of === parent).flatMap(([child]) => below(child)),
  ]
  return below(pid)
}

/** Stops a process with all below it. @returns what lets them go on */
export function standStill(pid: number): () => void {
  // The first one makes the others: once it stands still, no more come.
  process.kill(pid, 'SIGSTOP')
  const family = familyOf(pid)
  for (const one of family) send(one, 'SIGSTOP')
  return () => {
    for (const one of family) send(one, 'SIGCONT')
  }
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch {
    // It has ended in the meantime.
  }
}
