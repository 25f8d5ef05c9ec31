import { type Counts, matured } from './counts.ts'

/** How fast a release may spread while nothing is proved either way. */
export interface Allowance {
  /** Devices that may hold the release before any has settled. Whole, 1 or more. */
  readonly initial: number
  /** Devices that may hold it per settled device: 1.5 lets a good release reach 2.5 times as many devices each T. */
  readonly growth: number
  /** Devices that each known failure takes off the allowance. */
  readonly brake: number
}

export const DEFAULT_ALLOWANCE: Allowance = { initial: 10, growth: 1.5, brake: 20 }

/** A limit that never binds; fits a database's integer. */
export const UNLIMITED: number = Number.MAX_SAFE_INTEGER

/** The slowest growth per settled device, so that the test always gets the devices that it needs for a verdict. */
const SLOWEST = 0.5

/**
 * How many devices may hold the release with unknown outcome at once. Grows with settled devices alone: a success
 * reported early gives nothing until its T is over, a failure takes at once.
 *
 *     max(initial / 2, settled * min(growth, 0.5), max(initial, settled * growth) - brake * failed)
 *
 * The first two terms keep it from ever reaching 0: stopping is the test's business, not the brake's. A release that
 * fails on every device is stopped before that floor lets an eleventh device in (with the default of 10).
 */
export function allowanceOf(allowance: Allowance, counts: Counts): number {
  const { initial, growth, brake } = allowance
  const floor = Math.max(initial / 2, counts.settled * Math.min(growth, SLOWEST))
  return Math.ceil(Math.max(floor, Math.max(initial, counts.settled * growth) - brake * counts.failed))
}

/** The value that the counter `granted` may reach for now, so that a grant is one claim: granted < limit. */
export function grantLimit(allowance: Allowance | 'unlimited', counts: Counts): number {
  return allowance === 'unlimited' ? UNLIMITED : matured(counts) + allowanceOf(allowance, counts)
}

/**
 * How many devices that cannot be verified may be granted in all, before somebody approves: the initial allowance, and
 * then as many as keep the share of verifiable ones, by those that settled well, at `leastShare` or more.
 */
export function unverifiableLimit(initial: number, counts: Counts, leastShare: number): number {
  if (leastShare === 0) return UNLIMITED
  const good = counts.settled - counts.settledFailed
  return Math.max(initial, Math.floor((good * (1 - leastShare)) / leastShare))
}
