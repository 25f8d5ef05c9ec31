import type { Id, Millis } from '../common.ts'
import { cohortName } from './cohorts.ts'
import { endsByItself } from './finish-complete.ts'
import { type GateProgress, gateProgress } from './gate-progress.ts'
import { immature, matured } from './health/counts.ts'
import { devicesInWords, outcomesInWords } from './in-words.ts'
import type { Approval, Rollout } from './rollout.ts'
import type { Room } from './room.ts'
import { NO_OUTCOMES, type Outcomes, type Tally, UNLIMITED } from './tally.ts'
import { type RolloutWait, waitsOf } from './waits.ts'

/** How far one stage has come. Counts of evidence are those of the present run. */
export interface StageProgress {
  /** From 1. */
  readonly stage: number
  /** `ahead`: not begun. `approval`: waits for people. `current`. `passed`: a later one has begun. */
  readonly state: 'ahead' | 'approval' | 'current' | 'passed'
  /** Devices granted the release in it, each once. */
  readonly devices: number
  /** Updates that hold one of its slots. */
  readonly slots: number
  readonly outcomes: Outcomes
  /** Devices with a verdict, and those of them that failed. */
  readonly matured: number
  readonly failed: number
  /** Who approved of it in this run. */
  readonly approvals: readonly GivenApproval[]
}

export interface GivenApproval {
  readonly account: Id
  readonly name: string
  readonly at: Millis
}

/** How one kind of devices does. */
export interface CohortProgress {
  readonly family: string
  readonly value: string
  /** Excluded by the gate. */
  readonly isExcluded: boolean
  readonly granted: number
  readonly matured: number
  readonly failed: number
  readonly words: string
}

/** How far a rollout has come, and what it waits for. */
export interface RolloutProgress {
  /** The whole in a sentence or two. */
  readonly words: string
  /** Devices granted the release, each once. */
  readonly devices: number
  readonly slots: number
  readonly outcomes: Outcomes
  readonly waits: readonly RolloutWait[]
  readonly stages: readonly StageProgress[]
  readonly cohorts: readonly CohortProgress[]
  readonly gate: GateProgress
}

/** Reads the kept counters of a rollout alone: O(stages + cohorts) for any fleet. Pure. */
export function progressOf(rollout: Rollout, room: Room, approvals: readonly Approval[], now: Millis): RolloutProgress {
  const { devices, slots, outcomes } = room.whole
  const stages = rollout.stages.map((_, index) => stageProgress(rollout, index, { room, approvals }))
  const given = stages[rollout.stage]?.approvals.length ?? 0
  const waits = waitsOf(rollout, room, { approvals: given, now })
  return {
    words: headline(rollout, { outcomes, waits, late: room.whole.stopWords }),
    devices,
    slots,
    outcomes,
    waits,
    stages,
    cohorts: [...room.cohorts.values()].map(cohortProgress),
    gate: gateProgress(rollout, room),
  }
}

function stageProgress(
  rollout: Rollout,
  index: number,
  { room, approvals }: { readonly room: Room; readonly approvals: readonly Approval[] },
): StageProgress {
  const tally = room.stages[index]
  return {
    stage: index + 1,
    state: stageState(rollout, index),
    devices: tally?.devices ?? 0,
    slots: tally?.slots ?? 0,
    outcomes: tally?.outcomes ?? NO_OUTCOMES,
    matured: tally ? matured(tally.counts) : 0,
    failed: tally?.counts.failed ?? 0,
    approvals: approvals
      .filter((one) => one.stage === index && one.run === rollout.run)
      .map(({ account, name, at }) => ({ account, name, at })),
  }
}

function stageState(rollout: Rollout, index: number): StageProgress['state'] {
  if (rollout.startedAt === null || index > rollout.stage) return 'ahead'
  if (index < rollout.stage) return 'passed'
  return rollout.stageStartedAt === null ? 'approval' : 'current'
}

function cohortProgress(tally: Tally): CohortProgress {
  const { family, value, counts, isActive } = tally
  return {
    family,
    value,
    isExcluded: !isActive,
    granted: counts.granted,
    matured: matured(counts),
    failed: counts.failed,
    words: cohortWords(tally),
  }
}

function cohortWords({ family, value, counts, isActive, stopWords, grantLimit }: Tally): string {
  const name = cohortName({ family, value })
  if (!isActive) return `${name} is excluded. ${stopWords ?? ''}`.trim()
  if (stopWords !== null) return `${name} was found bad after the end. ${stopWords}`
  const done = matured(counts)
  const seen = `${name}: ${counts.failed} of ${devicesInWords(done)} with a verdict failed`
  const isHeld = grantLimit < UNLIMITED && counts.granted >= grantLimit
  return isHeld ? `${seen}; ${immature(counts)} more hold the release, and no more may for now.` : `${seen}.`
}

function headline(
  rollout: Rollout,
  {
    outcomes,
    waits,
    late,
  }: { readonly outcomes: Outcomes; readonly waits: readonly RolloutWait[]; readonly late: string | null },
): string {
  const stage = `stage ${rollout.stage + 1} of ${rollout.stages.length}`
  const sum = outcomesInWords(outcomes)
  switch (rollout.state) {
    case 'draft':
      return 'A draft: nothing is granted before it is started.'
    case 'running': {
      const approval = waits.find(({ kind }) => kind === 'approval')
      return `Running, ${stage}: ${sum}.${approval ? ` ${approval.words}` : staysOpenWords(rollout, outcomes)}`
    }
    case 'paused':
      return `Paused at ${stage}: ${sum}. What is under way goes on.`
    case 'stopped':
      return `${stopWords(rollout, stage)} So far: ${sum}.`
    case 'finished':
      return `Finished${rollout.isComplete ? ' by itself' : ''}: ${sum}.${late === null ? '' : ` Found bad afterwards: ${late}`}`
  }
}

/** Everything seems done, and yet it goes on. */
function staysOpenWords(rollout: Rollout, { open, ...closed }: Outcomes): string {
  const isAtLast = rollout.stage + 1 >= rollout.stages.length
  const isQuiet = open === 0 && Object.values(closed).some((devices) => devices > 0)
  return isAtLast && isQuiet && !endsByItself(rollout) ? ' It stays open for devices that come later.' : ''
}

function stopWords({ stop, cancelling }: Rollout, stage: string): string {
  const cancels = cancelling ? ' Updates under way are being cancelled.' : ''
  if (stop?.kind === 'gate') return `Stopped by its health gate at ${stage}. ${stop.words}${cancels}`
  return `Stopped by an operator at ${stage}${stop?.reason ? `: ${stop.reason}` : ''}.${cancels}`
}
