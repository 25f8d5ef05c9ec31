import { isOtaError } from '../../server/errors.ts'
import { CommandFailure } from '../exit.ts'

/** Gives some refusals an exit code of their own: `work().catch(refuseAs({ unsupported: 2 }))`. */
export function refuseAs(codes: Readonly<Record<string, number>>): (error: unknown) => never {
  return (error) => {
    const exitCode = isOtaError(error) ? codes[error.code] : undefined
    if (exitCode === undefined || !(error instanceof Error)) throw error
    throw new CommandFailure(error.message, exitCode, { cause: error })
  }
}
