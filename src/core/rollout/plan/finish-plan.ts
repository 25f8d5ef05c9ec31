import type { Millis } from '../../common.ts'
import type { CoreLimits } from '../../limits.ts'
import { isVerificationPending } from '../check-way.ts'
import { matured } from '../health/counts.ts'
import type { Rollout } from '../rollout.ts'
import type { Room } from '../room.ts'
import type { Allotment } from './allot-stages.ts'
import { estimate } from './estimate.ts'
import type { ForecastInput } from './forecast-input.ts'
import type { Ground } from './known-devices.ts'
import type { PlannedStage, RolloutPlan } from './plan.ts'
import type { PlanCount } from './plan-count.ts'
import type { Planned } from './planned.ts'
import { warningsOf } from './warnings.ts'

export interface Counted {
  readonly planned: Planned
  readonly ground: Ground
  readonly count: PlanCount
  /** Of a rollout that is there. */
  readonly room: Room | undefined
  /** Live rollouts that rank before it. */
  readonly before: readonly Rollout[]
  readonly isComplete: boolean
  readonly now: Millis
  readonly limits: Pick<CoreLimits, 'planSeconds' | 'silentDays'>
  readonly devices: number
  /** By the selection alone; devices that never reported a version may still be left out. */
  readonly selected: number
  readonly allotment: Allotment
  readonly frozen: 'server' | 'organisation' | null
}

/** The plan, from what was counted. Pure. */
export function finishPlan(counted: Counted): RolloutPlan {
  const { planned, count, isComplete, now, devices, allotment } = counted
  const { rollout, release } = planned
  const outcomes = count.outcomes(allotment.leftOut)
  // What the selection takes in and the engine does not (devices that never reported) is not selected.
  const refused = outcomes['not-selected'].devices - Math.max(0, devices - counted.selected)
  const selected = counted.selected - Math.max(0, refused)
  const timed = estimate({
    stages: rollout.stages
      .map((stage, index) => ({ stage, devices: allotment.stages[index] ?? 0 }))
      .slice(rollout.stage),
    ages: count.ages,
    health: rollout.health,
    verifiableShare: verifiableShare(count),
    now,
    timeZone: rollout.options.timeZone,
    ...underWay(counted),
  })
  return {
    rollout,
    release,
    plannedAt: now,
    isComplete,
    devices,
    selected,
    examined: count.examined,
    outcomes,
    stages: rollout.stages.map(
      ({ reach }, index): PlannedStage => ({ stage: index + 1, reach, devices: allotment.stages[index] ?? 0 }),
    ),
    fromVersions: count.fromVersions.list(),
    cohorts: count.cohorts.map(({ family, values }) => ({ family, values: values.list() })),
    floors: count.floors.list(),
    bytes: bytesOf(count, allotment),
    unverifiable: count.unverifiable,
    estimate: timed.estimate,
    warnings: warningsOf({ ...facts(counted), selected, outcomes, forecast: timed.forecast }),
  }
}

/** Which of the devices a stage of a count leaves out is not known: of their bytes, their share. */
function bytesOf({ bytes, byStage }: PlanCount, { leftOut }: Allotment): number {
  const devices = byStage.own.reduce((sum, count) => sum + count, byStage.none)
  return leftOut === 0 ? bytes : Math.round(bytes * (1 - leftOut / devices))
}

function facts(counted: Counted) {
  const { planned, ground, count, room, before, limits } = counted
  const { rollout, target } = planned
  const files = target.kind === 'files' ? target.files.map(({ firmware }) => firmware) : []
  const stage = room?.stages[rollout.stage]
  return {
    rollout,
    version: rollout.kind === 'undo' ? 'what they ran before' : planned.release.version,
    product: ground.product.key,
    devices: counted.devices,
    examined: count.examined,
    isComplete: counted.isComplete,
    limitSeconds: limits.planSeconds,
    allotment: counted.allotment,
    groups: count.groups,
    keepers: [...count.keepers.values()],
    before: before.map(({ id, key, state }) => ({ name: { id, key }, state })),
    unverifiable: count.unverifiable,
    withoutCredential: count.withoutCredential,
    unknownVersion: count.unknownVersion,
    silentDays: limits.silentDays,
    silent: count.ages.silent,
    neverSeen: count.ages.never,
    heldInStage: stage ? stage.counts.granted : 0,
    withdrawn: files.filter(({ withdrawn }) => withdrawn).map(({ version }) => version),
    unverified:
      rollout.kind === 'update'
        ? files.filter((firmware) => isVerificationPending({ firmware })).map(({ version }) => version)
        : [],
    frozen: counted.frozen,
  }
}

function verifiableShare({ ages, unverifiable }: PlanCount): number {
  const updated = ages.seen + ages.silent + ages.never
  return updated === 0 ? 1 : 1 - unverifiable / updated
}

/** Of a rollout that was started. */
function underWay({ planned, room, now }: Counted): Pick<ForecastInput, 'underWay'> {
  const { startedAt, stageStartedAt, stage, unverifiableApproved } = planned.rollout
  if (!room || startedAt === null || stageStartedAt === null) return {}
  const inStage = room.stages[stage]?.counts
  return {
    underWay: {
      elapsedSeconds: Math.max(0, (now - stageStartedAt) / 1000),
      granted: room.whole.counts.granted,
      settled: matured(room.whole.counts),
      settledInStage: inStage ? matured(inStage) : 0,
      unverifiable: room.whole.unverifiable,
      isApproved: unverifiableApproved,
    },
  }
}
