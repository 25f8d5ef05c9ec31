import type { Assignment } from '../assignment/assignment.ts'
import type { Id, Millis } from '../common.ts'
import type { FirmwareFile } from '../firmware/firmware.ts'
import type { Release } from '../release/release.ts'
import type { Update } from '../update/update.ts'

/** A release pinned to a device or its group, with everything needed to hand it out. */
export interface Offer {
  readonly assignment: Assignment
  /** Whose assignment it is. */
  readonly target: 'device' | 'group'
  readonly release: Release
  /** One file per module of the release. */
  readonly files: readonly FirmwareFile[]
}

/** What a device says of itself that holds a new offer back; an update under way goes on. */
export type Hold = 'low-battery' | 'metered'

/** Why a device should update. */
export type UpdateBecause =
  | { readonly kind: 'assigned'; readonly target: 'device' | 'group'; readonly assignment: Id }
  | { readonly kind: 'under-way'; readonly update: Id; readonly state: string }

/** Why a device should not. Each kind stands in `explain` in words. */
export type NoneBecause =
  | { readonly kind: 'disabled' }
  /** `groupIgnored`: the group has an assignment, but this protocol's devices ask as group members themselves. */
  | { readonly kind: 'nothing-assigned'; readonly groupIgnored?: true }
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

export type CancelBecause =
  | { readonly kind: 'withdrawn'; readonly version: string }
  /** By an operator, while the device was at work. */
  | { readonly kind: 'cancelled' }

/**
 * The answer to the one question: what should this device run, and why? A refusal is a value, never an exception.
 * `open` is the device's update under way for exactly this offer; absent when it is still to be granted.
 */
export type Decision =
  | { readonly kind: 'update'; readonly offer: Offer; readonly open?: Update; readonly because: UpdateBecause }
  | { readonly kind: 'none'; readonly offer?: Offer; readonly because: NoneBecause }
  | { readonly kind: 'cancel'; readonly update: Update; readonly because: CancelBecause }
