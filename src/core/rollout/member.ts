import type { Millis, Serial } from '../common.ts'
import type { ClosedState } from '../update/update.ts'

/**
 * `waiting`: not granted yet (a snapshot's member, between a floor and the target, or to be tried again). `open`: its
 * update is under way. Else what became of its newest update.
 */
export type MemberState = 'waiting' | 'open' | ClosedState

export const MEMBER_STATES = [
  'waiting',
  'open',
  'succeeded',
  'failed',
  'rolled-back',
  'cancelled',
  'superseded',
  'delivered',
] as const satisfies readonly MemberState[]

/**
 * What a grant is to the health gate. The trial of a device begins with its first grant in a run, of the release or of a
 * floor on the way to it, and takes a place of every allowance. `first`: its first one in this rollout. `anew`: another
 * one. `again`: goes on with the one that it has, with its next step or a further try, and takes no place.
 */
export type GrantKind = 'first' | 'anew' | 'again'

/** One count of a health gate that a member's trial is in: a cohort, or the rollout as a whole, and in which run of it. */
export interface Counted {
  readonly scope: string
  readonly run: number
}

/** One device in a rollout; there is a row once it was granted anything, is in a snapshot or was left out by name. */
export interface RolloutMember {
  readonly serial: Serial
  readonly organisation: Serial
  readonly rollout: Serial
  readonly device: Serial
  readonly createdAt: Millis
  readonly state: MemberState
  /** Stage in which it was granted; null before. */
  readonly stage: number | null
  /** When its trial began: the first grant in this run, of the release or of a floor on the way; null before any. */
  readonly grantedAt: Millis | null
  /** When it is to have confirmed the release: T for each step on its way, from the beginning of its trial. */
  readonly settleAt: Millis | null
  readonly isSettled: boolean
  /** Counted as a failure by the gate. */
  readonly hasFailed: boolean
  /** Whether its protocol tells what becomes of an update. */
  readonly isVerifiable: boolean
  readonly counted: readonly Counted[]
  /** Its newest update; the row may be gone (retention). */
  readonly update: Serial | null
  /** Updates tried, of the release itself or of the floor at which it stands. */
  readonly attempts: number
  /** Its update counts against the stage's concurrency. */
  readonly holdsSlot: boolean
  /** Left out by an operator: when, and the reason. */
  readonly excludedAt: Millis | null
  readonly excludedReason: string
  /** Meant by the rollout. Not so: no device of its snapshot, and here only because it was left out by name. */
  readonly isListed: boolean
  /** An operator wants it tried again: failures before do not count. null again once it has reached a floor. */
  readonly pardonedAt: Millis | null
  readonly changedAt: Millis
}

export type NewMember = Omit<RolloutMember, 'serial'>
export type MemberPatch = Partial<Omit<RolloutMember, 'serial' | 'organisation' | 'rollout' | 'device' | 'createdAt'>>

/** A member that was granted nothing yet. */
export function waitingMember(
  { organisation, serial }: Pick<RolloutMember, 'organisation'> & { readonly serial: Serial },
  device: Serial,
  now: Millis,
): NewMember {
  return {
    organisation,
    rollout: serial,
    device,
    createdAt: now,
    state: 'waiting',
    stage: null,
    grantedAt: null,
    settleAt: null,
    isSettled: false,
    hasFailed: false,
    isVerifiable: true,
    counted: [],
    update: null,
    attempts: 0,
    holdsSlot: false,
    excludedAt: null,
    excludedReason: '',
    isListed: true,
    pardonedAt: null,
    changedAt: now,
  }
}
