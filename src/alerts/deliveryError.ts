/** Why an alert was not taken, without anything that is secret. */
export class DeliveryError extends Error {
  /** The receiver does not want it: trying again soon would hardly help. */
  readonly refused: boolean
  /** After how long the receiver wants to be asked again. */
  readonly afterSeconds: number

  constructor(message: string, { refused = false, afterSeconds = 0 } = {}) {
    super(message)
    this.refused = refused
    this.afterSeconds = afterSeconds
  }
}
