/** What the command's exit code says: 0 done, 1 refused by the server or failed, 2 wrong usage. */
export const EXIT = { done: 0, failed: 1, usage: 2 } as const

/** Ends the command with a sentence on standard error and a code; no stack trace. */
export class CommandFailure extends Error {
  readonly exitCode: number

  constructor(message: string, exitCode: number = EXIT.failed, options?: ErrorOptions) {
    super(message, options)
    this.exitCode = exitCode
  }
}

export function usage(message: string): CommandFailure {
  return new CommandFailure(message, EXIT.usage)
}
