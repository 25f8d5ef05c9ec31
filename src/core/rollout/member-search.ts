import type { Millis, Serial } from '../common.ts'
import type { Update, UpdateState } from '../update/update.ts'
import type { MemberState, RolloutMember } from './member.ts'

/** A member with its newest update, unless that is gone or never was. */
export interface MemberFound {
  readonly member: RolloutMember
  readonly update?: Update
}

/** What a member and its newest update are like; whatever is absent does not matter. */
export interface MemberTraits {
  readonly rollouts?: readonly Serial[]
  readonly states?: readonly MemberState[]
  readonly isExcluded?: boolean
  readonly attemptsBelow?: number
  readonly attemptsFrom?: number
  /** Of the member: changed at this time at the latest, or after it. */
  readonly changedUntil?: Millis
  readonly changedAfter?: Millis
  readonly updateStates?: readonly UpdateState[]
  /** Of the update; `` when there is none. */
  readonly reasons?: readonly string[]
  /** From which version the first step of the update starts; `` when that is not known. */
  readonly fromVersions?: readonly string[]
  /** What the primary module of the device runs now; `` when that is not known. */
  readonly runs?: readonly string[]
}

export interface MemberSearch {
  readonly rollouts: readonly Serial[]
  readonly devices?: readonly Serial[]
  /** Only those that are like one of these. */
  readonly like?: readonly MemberTraits[]
  /** When it was last news, see `lastNews`: from `from` on and before `until`. */
  readonly news?: { readonly from?: Millis; readonly until?: Millis }
}

/** When anything of a member or its newest update last changed. */
export function lastNews({ member, update }: MemberFound): Millis {
  return Math.max(member.changedAt, update?.changedAt ?? 0)
}

/** Whether a member is like this; `runs`: what the primary module of its device runs, `` when unknown. */
export function isLike({ member, update }: MemberFound, runs: string, traits: MemberTraits): boolean {
  const { attempts, changedAt } = member
  return (
    isAmong(traits.rollouts, member.rollout) &&
    isAmong(traits.states, member.state) &&
    (traits.isExcluded === undefined || traits.isExcluded === (member.excludedAt !== null)) &&
    (traits.attemptsBelow === undefined || attempts < traits.attemptsBelow) &&
    (traits.attemptsFrom === undefined || attempts >= traits.attemptsFrom) &&
    (traits.changedUntil === undefined || changedAt <= traits.changedUntil) &&
    (traits.changedAfter === undefined || changedAt > traits.changedAfter) &&
    (traits.updateStates === undefined || (update !== undefined && traits.updateStates.includes(update.state))) &&
    isAmong(traits.reasons, update?.reason ?? '') &&
    isAmong(traits.fromVersions, update?.steps[0]?.from ?? '') &&
    isAmong(traits.runs, runs)
  )
}

function isAmong<T>(values: readonly T[] | undefined, value: T): boolean {
  return values === undefined || values.includes(value)
}
