import type { Millis } from '../../common.ts'
import type { CoreLimits } from '../../limits.ts'
import type { Update } from '../../update/update.ts'

/** How long devices that keep failing are left alone; see the configuration reference. */
export type PenaltyLimits = Pick<CoreLimits, 'penaltyFailures' | 'penaltySeconds' | 'penaltyMaxSeconds'>

/** A device that is left alone until `until` because its last `failures` updates failed. */
export interface Penalty {
  readonly until: Millis
  readonly failures: number
}

export interface PenaltyAt {
  readonly now: Millis
  /** An operator let the device out then: what had closed by then does not count. null = never. */
  readonly pardonedAt: Millis | null
}

/**
 * The penalty in force at `now`; undefined when there is none. `closed`: the device's newest closed updates, newest
 * first. Counted are failures and roll-backs in a row from the newest; updates that were cancelled or superseded say
 * nothing and are passed over, any other end breaks the row. From `penaltyFailures` in a row on, the penalty lasts
 * `penaltySeconds` from the newest failure, twice as long for each further one, at most `penaltyMaxSeconds`.
 * With `penaltyFailures` 0 there is none.
 */
export function penaltyOf(
  closed: readonly Pick<Update, 'state' | 'closedAt'>[],
  limits: PenaltyLimits,
  { now, pardonedAt }: PenaltyAt,
): Penalty | undefined {
  const failed: Millis[] = []
  for (const { state, closedAt } of closed) {
    if (closedAt === null || state === 'cancelled' || state === 'superseded') continue
    if (state !== 'failed' && state !== 'rolled-back') break
    if (pardonedAt !== null && closedAt <= pardonedAt) break
    failed.push(closedAt)
  }
  const [newest] = failed
  if (newest === undefined || limits.penaltyFailures === 0 || failed.length < limits.penaltyFailures) return undefined
  const doublings = Math.min(failed.length - limits.penaltyFailures, 52)
  const seconds = Math.min(limits.penaltyMaxSeconds, limits.penaltySeconds * 2 ** doublings)
  const until = newest + seconds * 1000
  return now < until ? { until, failures: failed.length } : undefined
}
