import type { Millis, Serial } from '../common.ts'
import { type Counts, NO_COUNTS } from './health/counts.ts'
import { cohortKey } from './health/health-state.ts'
import type { MemberState } from './member.ts'

/** The count of a whole rollout. */
export const WHOLE = 'rollout'

/** The count of one stage. */
export function stageScope(stage: number): string {
  return `stage/${stage}`
}

/** The count of one cohort. */
export function cohortScope(cohort: { readonly family: string; readonly value: string }): string {
  return `cohort/${cohortKey(cohort)}`
}

/** Whether a count is a cohort's: it keeps the gate's numbers alone. */
export function isCohortScope(scope: string): boolean {
  return scope.startsWith('cohort/')
}

/** The minute of the clock, as `ratePerMinute` counts them. */
export function minuteOf(now: Millis): number {
  return Math.floor(now / 60_000)
}

/** Devices by what became of them; `waiting` ones have no grant. */
export type Outcomes = Readonly<Record<Exclude<MemberState, 'waiting'>, number>>

export const NO_OUTCOMES: Outcomes = {
  open: 0,
  succeeded: 0,
  failed: 0,
  'rolled-back': 0,
  cancelled: 0,
  superseded: 0,
  delivered: 0,
}

/** A limit that is never reached. */
export const UNLIMITED = Number.MAX_SAFE_INTEGER

/**
 * Counters of a rollout, one of its stages or one of its cohorts, kept in the transactions of what they count. Cohorts
 * keep the gate's numbers alone. A grant is one statement on the row that checks every limit and counts.
 */
export interface Tally {
  readonly rollout: Serial
  /** `rollout`, `stage/0`, `cohort/hardwareRevision=C`. */
  readonly scope: string
  /** Of a cohort; empty else. */
  readonly family: string
  readonly value: string
  /** Of a cohort: the how-many-th of its family, from 1; 0 else. */
  readonly position: number
  /** Nothing is granted in this scope while it is false. */
  readonly isActive: boolean
  /** Of a cohort: excluded by the gate; the words of its evidence. */
  readonly stopWords: string | null
  /** How often its counts were begun again. */
  readonly run: number
  /** The gate's numbers, of this run. */
  readonly counts: Counts
  /** Devices granted in this run that cannot be verified. */
  readonly unverifiable: number
  /** The values that `counts.granted` and `unverifiable` may reach. */
  readonly grantLimit: number
  readonly unverifiableLimit: number
  /** Devices granted the release or a floor on the way, each once, over all runs. */
  readonly devices: number
  /** Updates that hold a slot. */
  readonly slots: number
  /** Devices by what became of them. */
  readonly outcomes: Outcomes
  /** The minute of the clock of the last grant, and grants in it. */
  readonly minute: number
  readonly minuteGrants: number
}

/** Counters of which nothing was counted yet, without a limit. */
export function freshTally(rollout: Serial, scope: string): Tally {
  return {
    rollout,
    scope,
    family: '',
    value: '',
    position: 0,
    isActive: true,
    stopWords: null,
    run: 0,
    counts: NO_COUNTS,
    unverifiable: 0,
    grantLimit: UNLIMITED,
    unverifiableLimit: UNLIMITED,
    devices: 0,
    slots: 0,
    outcomes: NO_OUTCOMES,
    minute: 0,
    minuteGrants: 0,
  }
}
