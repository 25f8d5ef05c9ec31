import type { Assignment } from '../assignment/assignment.ts'
import type { Id, Millis, Serial } from '../common.ts'
import type { FirmwareFile } from '../firmware/firmware.ts'
import type { Floor } from '../floor/floor.ts'
import type { Release } from '../release/release.ts'
import type { RolloutBecause, RolloutName } from '../rollout/because.ts'
import type { NoPathBecause } from '../rollout/guards/path.ts'
import type { Update } from '../update/update.ts'

/** Where an offer comes from. */
export type OfferSource =
  | { readonly kind: 'assignment'; readonly assignment: Assignment; readonly target: 'device' | 'group' }
  | { readonly kind: 'rollout'; readonly rollout: Serial; readonly stage: number }

/** A release for one device, with everything needed to hand it out. */
export interface Offer {
  readonly source: OfferSource
  /** Of the release. */
  readonly version: string
  readonly product: Serial | null
  /** undefined: a single firmware whose release is made when it is granted. */
  readonly release?: Release
  /** One file per module of the release. */
  readonly files: readonly FirmwareFile[]
  /** The intermediate version that this offer is, on the way to what the source names. */
  readonly floor?: Floor
}

/** What a device says of itself that holds a new offer back; an update under way goes on. */
export type Hold = 'low-battery' | 'metered'

/** Why a device should update. */
export type UpdateBecause =
  | { readonly kind: 'assigned'; readonly target: 'device' | 'group'; readonly assignment: Id }
  | { readonly kind: 'rollout'; readonly rollout: RolloutName; readonly stage: number; readonly stages: number }
  /** `version` must be installed first, on the way to `towards`. */
  | { readonly kind: 'floor'; readonly version: string; readonly towards: string; readonly reason: string }
  | { readonly kind: 'under-way'; readonly update: Id; readonly state: string }

/** Why a device should not. Each kind stands in `explain` in words. */
export type NoneBecause =
  | { readonly kind: 'disabled' }
  /** `groupIgnored`: the group has an assignment, but this protocol's devices ask as group members themselves. */
  | { readonly kind: 'nothing-assigned'; readonly groupIgnored?: true }
  /** Its product has a catalogue, from which devices of this protocol take what they like. */
  | { readonly kind: 'chooses-itself'; readonly product: string }
  | { readonly kind: 'frozen'; readonly scope: 'server' | 'organisation' }
  | { readonly kind: 'withdrawn'; readonly version: string }
  | { readonly kind: 'other-product'; readonly release: string }
  | {
      readonly kind: 'busy'
      readonly update: Id
      readonly via: string
      readonly state: string
      readonly version: string
    }
  | { readonly kind: 'retry-later'; readonly until: Millis; readonly attempt: number; readonly reason: string }
  /** An operator cancelled this very offer; it waits until it is assigned again. */
  | { readonly kind: 'called-off'; readonly version: string }
  /** The device asked to be spared for now. */
  | { readonly kind: 'held-back'; readonly by: Hold }
  | { readonly kind: 'up-to-date'; readonly version: string }
  /** The firmware says from which versions it can be installed; the device runs none of them, and no floor leads there. */
  | {
      readonly kind: 'no-path'
      readonly from: string | null
      readonly to: string
      readonly needs: string
      /** Of the floor, when it is about one. */
      readonly reason?: string
      /** What bars the way, unless it is simply that `to` cannot be installed from what the device runs. */
      readonly barrier?: NoPathBecause
    }
  | RolloutBecause

export type CancelBecause =
  | { readonly kind: 'withdrawn'; readonly version: string }
  /** By an operator, while the device was at work. */
  | { readonly kind: 'cancelled' }
  /** Its rollout was stopped before the device began. */
  | { readonly kind: 'rollout-stopped'; readonly rollout: RolloutName; readonly words: string }

/** What one rollout has for a device, or why it has nothing. */
export interface Considered {
  readonly rollout: RolloutName
  readonly because: NoneBecause | UpdateBecause
}

/**
 * The answer to the one question: what should this device run, and why? A refusal is a value, never an exception.
 * `open` is the device's update under way for exactly this offer; absent when it is still to be granted.
 * `considered`: what every rollout that the device may meet said, in their order, where rollouts were asked.
 */
export type Decision =
  | {
      readonly kind: 'update'
      readonly offer: Offer
      readonly open?: Update
      readonly because: UpdateBecause
      readonly considered?: readonly Considered[]
    }
  | {
      readonly kind: 'none'
      readonly offer?: Offer
      readonly because: NoneBecause
      readonly considered?: readonly Considered[]
    }
  | { readonly kind: 'cancel'; readonly update: Update; readonly because: CancelBecause }
