import type { Entity, Serial } from '../common.ts'

/**
 * A version that no device of a module may jump over: one that runs an older version and is to go to a newer one installs
 * it first.
 */
export interface Floor extends Entity {
  readonly organisation: Serial
  readonly product: Serial
  readonly module: Serial
  /** Library firmware of that module; a firmware is one floor at most. */
  readonly firmware: Serial
  /** Why, for whoever asks; 1 to 500 characters. */
  readonly reason: string
}
