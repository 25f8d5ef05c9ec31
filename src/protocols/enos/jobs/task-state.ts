import type { Millis } from '../../../core/common.ts'
import type { CoreLimits } from '../../../core/limits.ts'
import { isWaiting } from '../../../core/rollout/arrival.ts'
import type { RolloutMember } from '../../../core/rollout/member.ts'
import type { Rollout } from '../../../core/rollout/rollout.ts'
import type { Update } from '../../../core/update/update.ts'
import { isPublished } from '../update-states.ts'
import { TIMED_OUT } from './create-job.ts'

export const TASK_STATUSES = ['init', 'published', 'upgrading', 'succeeded', 'failed'] as const
export type TaskStatus = (typeof TASK_STATUSES)[number]

/** [enos 4] What a task shows of itself. */
export interface TaskState {
  readonly status: TaskStatus
  /** 0..100; negative = failed. */
  readonly progress: number
  readonly desc: string
}

export const CANCELLED = 'Cancelled by user'

/** [enos 4] The task of a device that was granted nothing yet, or is to be granted it again. */
export const INIT: TaskState = { status: 'init', progress: 0, desc: '' }

const CALLED_OFF: TaskState = { status: 'failed', progress: -1, desc: CANCELLED }

export interface AsOf {
  readonly now: Millis
  readonly limits: Pick<CoreLimits, 'retryMaxSeconds'>
}

/** [enos 4] The task of a member of a job; `update`: its newest one. Pure. */
export function taskState(
  { options }: Pick<Rollout, 'options'>,
  member: RolloutMember,
  { update, asOf }: { readonly update: Update | undefined; readonly asOf: AsOf },
): TaskState {
  if (isWaiting({ options }, member, asOf)) return INIT
  const desc = update?.reason ?? ''
  switch (member.state) {
    case 'waiting':
    case 'cancelled':
    case 'superseded':
      return CALLED_OFF
    case 'failed':
    case 'rolled-back':
      if (member.excludedAt !== null) return CALLED_OFF
      return { status: 'failed', progress: Math.min(-1, update?.progress ?? -1), desc }
    case 'succeeded':
      return { status: 'succeeded', progress: 100, desc }
    case 'delivered':
      return asOf.now < timeOutOf(options, member)
        ? { status: 'upgrading', progress: 100, desc: '' }
        : { status: 'failed', progress: -1, desc: TIMED_OUT }
    case 'open':
      return openState(update)
  }
}

function openState(update: Update | undefined): TaskState {
  if (update?.state === 'pending') return INIT
  const { progress = 0, reason: desc = '' } = update ?? {}
  if (!update || isPublished(update.state)) return { status: 'published', progress: 0, desc }
  return { status: 'upgrading', progress: Math.max(0, progress), desc }
}

/** [enos 4] Over protocols that cannot tell what became of the bytes, nothing is claimed: the task runs into its time-out. */
function timeOutOf(options: Rollout['options'], { changedAt }: RolloutMember): Millis {
  return changedAt + secondsOf(options) * 1000
}

/** The job's upgradeTimeout. */
export function secondsOf({ timeOuts }: Rollout['options']): number {
  return timeOuts?.work ?? 0
}

/** [enos 3.3] Whether the version that a task starts from is what its device runs now, and not what its update says. */
export function startsFromNow(member: RolloutMember | undefined, { status }: TaskState): boolean {
  return status === 'init' || member?.state === 'waiting'
}
