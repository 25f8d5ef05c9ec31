import type { Id, Millis } from '../common.ts'

/** A rollout as people name it. */
export interface RolloutName {
  readonly id: Id
  readonly key: string
}

interface Of {
  readonly rollout: RolloutName
}

/** Stages count from 1 in these facts. */
interface OfStage extends Of {
  readonly stage: number
}

/** Why a rollout grants a device nothing, at all or for now. */
export type RolloutBecause =
  | (Of & { readonly kind: 'not-selected'; readonly reason: string })
  /** The list of its devices is still being made. */
  | (Of & { readonly kind: 'snapshot-being-taken' })
  /** An operator took the device out. */
  | (Of & { readonly kind: 'excluded'; readonly reason: string })
  /** An operator cancelled its update. */
  | (Of & { readonly kind: 'cancelled-here'; readonly version: string })
  | (Of & { readonly kind: 'rollout-paused' })
  | (Of & { readonly kind: 'rollout-stopped'; readonly words: string })
  /** The device asked by itself, and this rollout is only pushed. */
  | (Of & { readonly kind: 'push-only' })
  /** It must be verified on a few devices first. */
  | (Of & { readonly kind: 'verification-pending'; readonly version: string })
  /** So must `floor`, which it has to install on its way to `version`, for an operator's `reason`. */
  | (Of & {
      readonly kind: 'floor-verification-pending'
      readonly version: string
      readonly floor: string
      readonly reason: string
    })
  | (Of & { readonly kind: 'downgrade'; readonly from: string; readonly to: string; readonly isForbidden: boolean })
  /** Neither SemVer nor a sequence tells which is newer. */
  | (Of & { readonly kind: 'incomparable'; readonly from: string; readonly to: string })
  | (Of & { readonly kind: 'gave-up'; readonly attempts: number; readonly reason: string })
  /** It was updated here once, and runs something else now. */
  | (Of & { readonly kind: 'done-before'; readonly version: string; readonly runs: string | null })
  | (Of & { readonly kind: 'penalty-box'; readonly until: Millis; readonly failures: number })
  /** `current` stage; the device belongs to `stage`, or to none. */
  | (Of & { readonly kind: 'stage-not-reached'; readonly stage: number | null; readonly current: number })
  | (OfStage & { readonly kind: 'stage-full'; readonly devices: number })
  | (OfStage & { readonly kind: 'awaiting-approval'; readonly approvals: number })
  /** null: it never opens again. */
  | (OfStage & { readonly kind: 'window-closed'; readonly opensAt: Millis | null })
  | (OfStage & { readonly kind: 'spread-out'; readonly until: Millis })
  | (OfStage & { readonly kind: 'slots-taken'; readonly taken: number; readonly limit: number })
  | (OfStage & { readonly kind: 'rate-reached'; readonly perMinute: number; readonly until: Millis })
  /** So many devices hold the release without a verdict, and no more may for now. */
  | (Of & { readonly kind: 'health-hold'; readonly holding: number; readonly allowance: number })
  | (Of & { readonly kind: 'cohort-hold'; readonly cohort: string; readonly holding: number })
  | (Of & { readonly kind: 'cohort-stopped'; readonly cohort: string; readonly words: string })
  /** Too few devices can be verified; somebody must approve of going on. */
  | (Of & { readonly kind: 'unverifiable-hold'; readonly granted: number })
  /** An undo does not know what the device ran before. */
  | (Of & { readonly kind: 'previous-unknown' })
  /** An undo knows the version, but its firmware is gone or withdrawn. */
  | (Of & { readonly kind: 'previous-missing'; readonly version: string })
