/**
 * Incidents: times in which a website was unavailable, as its check entries tell in their order. One opens when so many
 * checks in a row failed, and begins with the first of these; it closes when so many in a row were good, and ends with
 * the first of those.
 */

/** How many checks in a row make an incident, and how many end one. */
export interface IncidentRules {
  readonly failures: number
  readonly recoveries: number
}

/** What incidents need to know of a check entry. */
export interface Outcome {
  readonly id: string
  readonly timeMs: number
  readonly available: boolean
}

export interface Incident {
  /** The first failing one. */
  readonly first: Outcome
  /** The newest failing one that is known, from the one on that made it an incident. */
  readonly last: Outcome
  /** The first good one after it; null: it is open. */
  readonly end: Outcome | null
}

/** What comes before the outcomes that are gone through. */
export interface Before {
  /** One that is open then. */
  readonly incident: Incident | null
  /** The last ones in a row that failed (without an incident) or were good (with one), the oldest first. */
  readonly streak: readonly Outcome[]
}

/** Goes through the outcomes of one website, in their order, and finds its incidents. */
export class IncidentFold {
  readonly incidents: Incident[] = []
  #open: Incident | null
  #streak: Outcome[]

  constructor(
    private readonly rules: IncidentRules,
    before: Before,
  ) {
    this.#open = before.incident
    if (before.incident) this.incidents.push(before.incident)
    this.#streak = [...before.streak]
  }

  next(outcome: Outcome): void {
    // In an incident only good ones count, outside of one only failing ones.
    if (outcome.available !== (this.#open !== null)) {
      this.#streak = []
      if (this.#open) this.#replace({ ...this.#open, last: outcome })
      return
    }
    this.#streak.push(outcome)
    if (this.#open) this.#mayClose(this.#open)
    else this.#mayOpen(outcome)
  }

  #mayOpen(last: Outcome): void {
    if (this.#streak.length < this.rules.failures) return
    this.#open = { first: this.#streak[0] as Outcome, last, end: null }
    this.incidents.push(this.#open)
    this.#streak = []
  }

  #mayClose(open: Incident): void {
    if (this.#streak.length < this.rules.recoveries) return
    this.#replace({ ...open, end: this.#streak[0] as Outcome })
    this.#open = null
    this.#streak = []
  }

  #replace(incident: Incident): void {
    this.#open = incident
    this.incidents[this.incidents.length - 1] = incident
  }
}
