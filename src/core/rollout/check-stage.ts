import type { Millis } from '../common.ts'
import type { NoneBecause } from '../decide/decision.ts'
import type { Device } from '../device/device.ts'
import type { RolloutName } from './because.ts'
import type { Rollout } from './rollout.ts'
import { spreadOffset } from './schedule/bucket.ts'
import { windowState } from './schedule/window.ts'
import { isReached, stageOf } from './stage-of.ts'

/** The attribute, or tag, in which a device tells its time zone. */
export const TIME_ZONE = 'timeZone'

export interface Waits {
  readonly because: NoneBecause
  readonly passes: boolean
}

/** Why the current stage is not for the device, or not now; undefined when it is. */
export function checkStage(
  rollout: Rollout,
  of: { readonly name: RolloutName; readonly device: Device; readonly groupKey: string | null; readonly now: Millis },
): Waits | undefined {
  const { name, device, now } = of
  const staged = { id: device.id, group: of.groupKey }
  const current = rollout.stages[rollout.stage]
  const stage = rollout.stage + 1
  if (!current || !isReached(rollout, staged)) {
    const its = stageOf(rollout, staged)
    const because = { kind: 'stage-not-reached', rollout: name, stage: its ?? null, current: stage } as const
    return { because, passes: true }
  }
  if (rollout.stageStartedAt === null) {
    const because = { kind: 'awaiting-approval', rollout: name, stage, approvals: current.approvals } as const
    return { because, passes: true }
  }
  if (current.window) {
    const zone = device.attributes[TIME_ZONE] ?? device.tags[TIME_ZONE]
    const window = windowState(current.window, now, { device: zone, rollout: rollout.options.timeZone })
    if (!window.open)
      return { because: { kind: 'window-closed', rollout: name, stage, opensAt: window.opensAt }, passes: true }
  }
  if (current.spreadSeconds === 0) return undefined
  const until = rollout.stageStartedAt + spreadOffset(rollout.id, device.id, rollout.stage, current.spreadSeconds)
  return now < until ? { because: { kind: 'spread-out', rollout: name, stage, until }, passes: false } : undefined
}
