import { expect } from 'vitest'
import type { Finding } from '../../src/finding.ts'
import { configFile, webmon } from './webmon.ts'

export interface Diagnosis {
  readonly code: number | null
  readonly well: boolean
  readonly findings: Finding[]
  /** All that it said, in both ways. */
  readonly said: string
}

/** What `webmon doctor` finds: twice, as JSON and as text, which must agree. */
export async function doctor(env: Record<string, string>): Promise<Diagnosis> {
  const complete = { WEBMON_CONFIG_FILE: configFile, ...env }
  const json = await webmon(['doctor', '--json'], complete)
  const text = await webmon(['doctor'], complete)
  const { well, findings } = JSON.parse(json.out) as Pick<Diagnosis, 'well' | 'findings'>
  expect(text.code).toBe(json.code)
  expect(json.code).toBe(well ? 0 : 1)
  expect(json.err + text.err).toBe('')
  expect(text.out.includes('WRONG')).toBe(!well)
  return { code: json.code, well, findings, said: json.out + text.out }
}

/** The one thing that is wrong. */
export async function fault(env: Record<string, string>): Promise<Finding> {
  const { findings } = await doctor(env)
  const faults = findings.filter(({ state }) => state === 'wrong')
  expect(faults, JSON.stringify(findings, null, 2)).toHaveLength(1)
  expect(faults[0]?.advice).toMatch(/\w/)
  return faults[0] as Finding
}
