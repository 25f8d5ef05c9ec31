import type { Millis } from '../../common.ts'
import type { Release } from '../../release/release.ts'
import type { Rollout, StageReach } from '../rollout.ts'
import type { Brake } from './forecast-input.ts'
import type { PlanOutcome } from './outcomes.ts'

/** Examples that are named for each outcome. */
export const EXAMPLES = 10

/** A device and what is foreseen for it, in a sentence. */
export interface PlanExample {
  /** Key. */
  readonly device: string
  readonly words: string
}

export interface OutcomeCount {
  readonly devices: number
  /** At most {@link EXAMPLES}. */
  readonly examples: readonly PlanExample[]
}

export interface PlannedStage {
  /** From 1. */
  readonly stage: number
  readonly reach: StageReach
  readonly devices: number
}

/** Devices with one value; null = not known. `(others)` gathers what is beyond the values that are told apart. */
export interface ValueCount {
  readonly value: string | null
  readonly devices: number
}

/** How long it will take, and on what that stands. Times are seconds until a share of the devices was offered the release. */
export interface PlanEstimate {
  readonly untilHalf: number | null
  readonly until95: number | null
  readonly brake: Brake
  /** In sentences: what the time goes into, and what was assumed. */
  readonly words: readonly string[]
  /** Age of the last sign of life of half, and of 95 %, of the devices that were seen lately, seconds. */
  readonly lastSeen: { readonly half: number | null; readonly most: number | null }
  /** Devices seen lately, not seen for so long that they count as silent, and never seen; of those to be updated. */
  readonly seen: number
  readonly silent: number
  readonly neverSeen: number
  readonly approvals: number
}

/** Something that an operator should know before it starts. */
export interface PlanWarning {
  readonly kind: WarningKind
  readonly words: string
}

export type WarningKind =
  | 'incomplete'
  | 'none-selected'
  | 'none-updated'
  | 'withdrawn'
  | 'verification-pending'
  | 'frozen'
  | 'no-path'
  | 'unknown-version'
  | 'floor-unverified'
  | 'downgrade'
  | 'incomparable'
  | 'previous-unknown'
  | 'previous-missing'
  | 'unguarded'
  | 'left-out'
  | 'empty-group'
  | 'empty-stage'
  | 'stuck-stage'
  | 'window-over'
  | 'outranked'
  | 'ranks-before'
  | 'unverifiable'
  | 'catalogue'
  | 'no-credential'
  | 'silent'

/** What a rollout would do to the fleet as it is now. */
export interface RolloutPlan {
  /** As it is, or as it would be made: a rollout made with this very `id` has the same devices in its stages. */
  readonly rollout: Rollout
  readonly release: Release
  readonly plannedAt: Millis
  /** False when it took too long: the counts are then of the first `examined` devices alone. */
  readonly isComplete: boolean
  /** Devices of the product. */
  readonly devices: number
  /** Devices that are selected, of the product. */
  readonly selected: number
  /** Selected devices that were looked at. */
  readonly examined: number
  readonly outcomes: Readonly<Record<PlanOutcome, OutcomeCount>>
  /** Of those that will be updated. */
  readonly stages: readonly PlannedStage[]
  readonly fromVersions: readonly ValueCount[]
  readonly cohorts: ReadonlyArray<{ readonly family: string; readonly values: readonly ValueCount[] }>
  /** Intermediate versions, with the devices that install each first. */
  readonly floors: readonly ValueCount[]
  /** To be transferred in all, intermediate versions included. */
  readonly bytes: number
  /** Devices to be updated of which no protocol tells what becomes of an update. */
  readonly unverifiable: number
  readonly estimate: PlanEstimate
  readonly warnings: readonly PlanWarning[]
}
