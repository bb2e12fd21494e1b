import { messageOf } from './retry.ts'

/** What is wrong now, in words; undefined: nothing. One that throws is in trouble, too. */
export type Trouble = () => Promise<string | undefined> | string | undefined

/** What a process is made of, by name, and what is wrong with it. */
export class Health {
  readonly #loops = new Map<string, Trouble>()
  readonly #parts = new Map<string, Trouble>()
  readonly #states = new Map<string, () => string | undefined>()

  /** Something that has to move as long as the process lives: only a new start mends it when it stands still. */
  loop(name: string, trouble: Trouble): void {
    this.#loops.set(name, trouble)
  }

  /** Something that is needed for the work, and can be away for a while. */
  part(name: string, trouble: Trouble): void {
    this.#parts.set(name, trouble)
  }

  /** Something to be told of that is no trouble; undefined: nothing. */
  state(name: string, words: () => string | undefined): void {
    this.#states.set(name, words)
  }

  loops(): Promise<Report> {
    return report(this.#loops)
  }

  async parts(): Promise<Report> {
    const { well, parts } = await report(this.#parts)
    const states = [...this.#states].map(([name, words]) => [name, words()]).filter(([, told]) => told !== undefined)
    return { well, parts: { ...parts, ...Object.fromEntries(states) } }
  }
}

export interface Report {
  readonly well: boolean
  /** By name: `ok`, or what is wrong, or what else there is to tell. */
  readonly parts: Readonly<Record<string, string>>
}

async function report(parts: ReadonlyMap<string, Trouble>): Promise<Report> {
  const told = await Promise.all([...parts].map(async ([name, trouble]) => [name, await wordsOf(trouble)] as const))
  return {
    well: told.every(([, words]) => words === undefined),
    parts: Object.fromEntries(told.map(([name, words]) => [name, words ?? 'ok'])),
  }
}

async function wordsOf(trouble: Trouble): Promise<string | undefined> {
  try {
    return await trouble()
  } catch (error) {
    return messageOf(error)
  }
}
