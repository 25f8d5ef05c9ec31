import type { Serial } from '../../../core/common.ts'
import type { MemberState } from '../../../core/rollout/member.ts'
import type { MemberTraits } from '../../../core/rollout/member-search.ts'
import type { Rollout } from '../../../core/rollout/rollout.ts'
import { TIMED_OUT } from './create-job.ts'
import { type AsOf, CANCELLED, secondsOf, type TaskStatus } from './task-state.ts'

/** What a search asks of tasks; absent = anything. */
export interface TaskWish {
  readonly statuses?: readonly string[]
  readonly descs?: readonly string[]
  readonly fromVersions?: readonly string[]
}

/** Members of one look, and the task that they are. */
interface Look {
  readonly status: TaskStatus
  /** Absent: the reason of the update. */
  readonly desc?: string
  /** Where the version that the task starts from is found; see `startsFromNow`. */
  readonly from: 'now' | 'update'
  readonly traits: MemberTraits
}

const FAILED: readonly MemberState[] = ['failed', 'rolled-back']

/**
 * [enos 3.6] What the members of jobs are like whose tasks are as wished, as `taskState` sees them; undefined when
 * nothing was wished.
 */
export function taskTraits(
  rollouts: readonly Pick<Rollout, 'serial' | 'options'>[],
  wish: TaskWish,
  asOf: AsOf,
): MemberTraits[] | undefined {
  const { statuses, descs, fromVersions } = wish
  if (!statuses && !descs && !fromVersions) return undefined
  return looks(rollouts, asOf).flatMap(({ status, desc, from, traits }) => {
    if (statuses?.includes(status) === false) return []
    if (desc !== undefined && descs?.includes(desc) === false) return []
    return {
      ...traits,
      ...(descs && desc === undefined && { reasons: descs }),
      ...(fromVersions && (from === 'now' ? { runs: fromVersions } : { fromVersions })),
    }
  })
}

function looks(rollouts: readonly Pick<Rollout, 'serial' | 'options'>[], asOf: AsOf): Look[] {
  const updateStates = ['downloading', 'downloaded', 'installing', 'cancelling'] as const
  return [
    { status: 'init', desc: '', from: 'now', traits: { states: ['waiting'], isExcluded: false } },
    { status: 'init', desc: '', from: 'now', traits: { states: ['open'], updateStates: ['pending'] } },
    { status: 'published', from: 'update', traits: { states: ['open'], updateStates: ['offered'] } },
    { status: 'upgrading', from: 'update', traits: { states: ['open'], updateStates } },
    { status: 'succeeded', from: 'update', traits: { states: ['succeeded'] } },
    { status: 'failed', desc: CANCELLED, from: 'now', traits: { states: ['waiting'], isExcluded: true } },
    { status: 'failed', desc: CANCELLED, from: 'update', traits: { states: FAILED, isExcluded: true } },
    { status: 'failed', desc: CANCELLED, from: 'update', traits: { states: ['cancelled', 'superseded'] } },
    ...failures(rollouts, asOf),
    ...deliveries(rollouts, asOf),
  ]
}

/** Failed ones, which their job's retry policy returns to `init` after its pause. */
function failures(rollouts: readonly Pick<Rollout, 'serial' | 'options'>[], { now }: AsOf): Look[] {
  const policies = Map.groupBy(rollouts, ({ options: { retry } }) => `${retry.attempts} ${retry.pauseSeconds}`)
  return [...policies.values()].flatMap((alike): Look[] => {
    const [{ options } = { options: undefined }] = alike
    if (!options) return []
    const { attempts, pauseSeconds } = options.retry
    const shared = { rollouts: serials(alike), states: FAILED, isExcluded: false }
    const last = now - pauseSeconds * 1000
    return [
      { status: 'failed', from: 'update', traits: { ...shared, attemptsFrom: attempts } },
      { status: 'failed', from: 'update', traits: { ...shared, attemptsBelow: attempts, changedAfter: last } },
      { status: 'init', desc: '', from: 'now', traits: { ...shared, attemptsBelow: attempts, changedUntil: last } },
    ]
  })
}

function deliveries(rollouts: readonly Pick<Rollout, 'serial' | 'options'>[], { now }: AsOf): Look[] {
  const timeOuts = Map.groupBy(rollouts, ({ options }) => secondsOf(options))
  return [...timeOuts].flatMap(([seconds, alike]): Look[] => {
    const shared = { rollouts: serials(alike), states: ['delivered'] as const }
    const last = now - seconds * 1000
    return [
      { status: 'upgrading', desc: '', from: 'update', traits: { ...shared, changedAfter: last } },
      { status: 'failed', desc: TIMED_OUT, from: 'update', traits: { ...shared, changedUntil: last } },
    ]
  })
}

function serials(rollouts: readonly Pick<Rollout, 'serial'>[]): Serial[] {
  return rollouts.map(({ serial }) => serial)
}
