import type { FirmwareFile } from '../firmware/firmware.ts'
import type { Release } from '../release/release.ts'
import type { ModuleStep } from '../update/update.ts'
import type { RolloutMember } from './member.ts'
import type { Rollout } from './rollout.ts'
import type { Room } from './room.ts'

/** A rollout that a device may meet, with what is known of the device in it. */
export interface RolloutCandidate {
  readonly rollout: Rollout
  /** Whether the rollout is meant for the device; when not, `reason` says why and nothing else was looked up. */
  readonly selected: { readonly is: true } | { readonly is: false; readonly reason: string }
  /** The list of its devices is not complete yet. */
  readonly isTaking?: boolean
  readonly member?: RolloutMember
  /** What the device is to run. */
  readonly target: RolloutTarget
}

/** What a rollout has for one device. */
export type RolloutTarget =
  /** The rollout's release, or, of an undo, what the device ran before. */
  | {
      readonly kind: 'files'
      readonly version: string
      readonly release?: Release
      readonly files: readonly FirmwareFile[]
      /** Of an undo: the steps that it takes back. */
      readonly undone?: readonly ModuleStep[]
    }
  /** An undo does not know what to return the device to; `version` = known, but there is no such firmware any more. */
  | { readonly kind: 'unknown' }
  | { readonly kind: 'missing'; readonly version: string }
  /** Not looked up. */
  | { readonly kind: 'none' }

export type Rooms = ReadonlyMap<number, Room>
