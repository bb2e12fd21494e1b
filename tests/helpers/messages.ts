import { v7 as uuidv7 } from 'uuid'
import type { CheckEntry } from '../../src/checkEntry.ts'

/** A check entry as the producer makes it, of a good check now, but for what is given. */
export function checkEntry(more: Partial<CheckEntry> = {}): CheckEntry {
  return {
    id: uuidv7(),
    websiteId: '00000000-0000-4000-8000-000000000001',
    timestamp: new Date(),
    responseTimeMs: 12,
    httpStatus: 200,
    regex: '',
    regexMatch: true,
    error: null,
    detail: null,
    ...more,
  }
}
