import type { Millis } from '../common.ts'
import type { FirmwareFile } from '../firmware/firmware.ts'
import { floorsOnWay } from './check-way.ts'
import type { GrantKind, RolloutMember } from './member.ts'
import type { Rollout } from './rollout.ts'
import type { Room } from './room.ts'
import type { Subject } from './subject.ts'
import { WHOLE } from './tally.ts'

/** Steps that a device has to go from where it is now, the release itself included. */
export function stepsToGo({ kind }: Pick<Rollout, 'kind'>, subject: Subject, files: readonly FirmwareFile[]): number {
  return 1 + floorsOnWay(subject, files, kind === 'undo').length
}

/** The time that a trial of so many steps takes: T for each. Fixed when it begins, whatever becomes of it. */
export function trialMillis({ health }: Pick<Rollout, 'health'>, steps: number): Millis {
  return steps * health.confirmSeconds * 1000
}

/**
 * What the next grant to a device would be. Its trial ends with its run: after a stop and a resume, and when an excluded
 * cohort of it is taken in again, the next grant begins another one. So does the next step on the way when less than T is
 * left for each step to go: nothing that was not granted yet would be seen to fail. Pure.
 */
export function grantKind(
  rollout: Pick<Rollout, 'health'>,
  member: RolloutMember | undefined,
  { room, now, steps }: { readonly room: Pick<Room, 'whole' | 'stages' | 'cohorts'>; now: Millis; steps: number },
): GrantKind {
  if (!member || member.grantedAt === null) return 'first'
  if (!isOfThisRun(member, room)) return 'anew'
  if (!isBetweenSteps(member) || member.hasFailed) return 'again'
  return now + trialMillis(rollout, steps) > (member.settleAt ?? now) ? 'anew' : 'again'
}

/** Whether a device has reached a floor, and waits to be granted what follows. */
export function isBetweenSteps(member: Pick<RolloutMember, 'state' | 'grantedAt' | 'pardonedAt'>): boolean {
  // A floor that is reached clears the pardon; see `noteOutcome`.
  return member.state === 'waiting' && member.grantedAt !== null && member.pardonedAt === null
}

/** Whether every count that the trial of a device is in still goes on. */
export function isOfThisRun(
  { counted }: Pick<RolloutMember, 'counted'>,
  { whole, stages, cohorts }: Pick<Room, 'whole' | 'stages' | 'cohorts'>,
): boolean {
  const runs = new Map([whole, ...stages, ...cohorts.values()].map(({ scope, run }) => [scope, run]))
  return counted.some(({ scope }) => scope === WHOLE) && counted.every(({ scope, run }) => runs.get(scope) === run)
}
