import type { Id } from '../common.ts'
import type { Rollout, StageReach } from './rollout.ts'
import { bucketOf } from './schedule/bucket.ts'

/** The device as a stage sees it. */
export interface Staged {
  readonly id: Id
  /** Key of its group; null = none. */
  readonly group: string | null
}

type Staging = Pick<Rollout, 'id' | 'stages' | 'stage'>

/** Whether the current stage may grant to a device: it takes it in, or an earlier one did. */
export function isReached(rollout: Staging, device: Staged): boolean {
  const { id, stages, stage } = rollout
  return stages.some(
    ({ reach }, at) => at <= stage && (at === stage || reach.kind !== 'count') && takesIn(id, reach, device),
  )
}

/** The first stage, from 1, that takes a device in; undefined when none does. */
export function stageOf({ id, stages }: Staging, device: Staged): number | undefined {
  const index = stages.findIndex(({ reach }) => takesIn(id, reach, device))
  return index === -1 ? undefined : index + 1
}

/** The first stage, from 0, that takes a device in by what it is, not by when it comes; undefined when none does. */
export function ownStageOf({ id, stages }: Pick<Staging, 'id' | 'stages'>, device: Staged): number | undefined {
  const index = stages.findIndex(({ reach }) => reach.kind !== 'count' && takesIn(id, reach, device))
  return index === -1 ? undefined : index
}

/** Whether a stage is for a device, room or not: a stage of a count takes in everybody who comes first. */
function takesIn(rollout: Id, reach: StageReach, device: Staged): boolean {
  switch (reach.kind) {
    case 'percent':
      return reach.percent >= 100 || bucketOf(rollout, device.id) * 100 < reach.percent
    case 'groups':
      return device.group !== null && reach.groups.includes(device.group)
    case 'count':
      return true
  }
}
