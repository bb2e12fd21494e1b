import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'

const ticksPerSecond = Number(execFileSync('getconf', ['CLK_TCK']).toString())

/** Fields of proc_pid_stat(5) from the third on; undefined: it has ended. */
function stat(pid: number): string[] | undefined {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /, '')
      .split(' ')
  } catch {
    return undefined
  }
}

/** Seconds of processor time of a process, user and system together. */
export function cpuSeconds(pid: number): number {
  const fields = stat(pid) ?? []
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond
}

/** The same of a process and its children, those included that have ended: a PostgreSQL server. */
export function cpuSecondsOfFamily(pid: number): number {
  const parent = stat(pid) ?? []
  const ended = (Number(parent[13]) + Number(parent[14])) / ticksPerSecond
  const children = readdirSync('/proc').filter((name) => /^\d+$/.test(name) && stat(Number(name))?.[1] === String(pid))
  return cpuSeconds(pid) + ended + children.reduce((sum, child) => sum + cpuSeconds(Number(child)), 0)
}

/** The most memory that a process has had so far. */
export function peakMb(pid: number): number {
  return memoryMb(pid, 'VmHWM')
}

/** The memory of a process now. */
export function residentMb(pid: number): number {
  return memoryMb(pid, 'VmRSS')
}

/** @param field of proc_pid_status(5) */
function memoryMb(pid: number, field: string): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  return Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]) / 1000
}
