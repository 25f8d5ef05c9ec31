import type { Serial } from '../common.ts'

/** Kept counts of an organisation, so that a limit is one atomic claim and a count costs nothing. */
export interface TallyStore {
  /**
   * Adds `by`, which may be negative, unless the sum would pass `limit`: one statement. Answers whether it was added. A
   * count never falls below 0.
   */
  add(organisation: Serial, name: string, change: { by: number; limit?: number }): Promise<boolean>
  /** 0 for what was never counted. */
  get(organisation: Serial, name: string): Promise<number>
}
