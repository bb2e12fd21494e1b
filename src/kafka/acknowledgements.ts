import { messageOf } from '../retry.ts'

const patienceMs = 15_000

/** How the publishing goes, as the publisher tells it. */
export class Acknowledgements {
  #underWay = 0
  /** Since when nothing has come back of what is under way. */
  #silentSinceMs = 0
  #failure: string | undefined = 'not connected yet'

  connected(): void {
    this.#failure = undefined
  }

  sent(): void {
    if (this.#underWay++ === 0) this.#silentSinceMs = performance.now()
  }

  acknowledged(): void {
    this.#underWay--
    this.#silentSinceMs = performance.now()
    this.#failure = undefined
  }

  failed(error: unknown): void {
    this.#underWay--
    this.#failure = `publishing failed: ${messageOf(error)}`
  }

  /** What is wrong, in words; undefined: nothing. */
  trouble(): string | undefined {
    if (this.#failure !== undefined) return this.#failure
    const silentMs = this.#underWay > 0 ? performance.now() - this.#silentSinceMs : 0
    return silentMs > patienceMs ? `no acknowledgement for ${Math.round(silentMs / 1000)} s` : undefined
  }
}
