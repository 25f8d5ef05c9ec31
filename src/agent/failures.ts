/** A call that did not work, and may work later. */
export class CallFailure extends Error {
  readonly retryAfterSeconds: number

  constructor(message: string, options: { cause?: unknown; retryAfterSeconds?: number } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'CallFailure'
    this.retryAfterSeconds = options.retryAfterSeconds ?? 0
  }
}

/** An update that cannot be made; told to the server as its reason. */
export class UpdateFailure extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'UpdateFailure'
  }
}
