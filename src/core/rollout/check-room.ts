import type { Millis } from '../common.ts'
import type { NoneBecause } from '../decide/decision.ts'
import type { RolloutName } from './because.ts'
import type { Waits } from './check-stage.ts'
import { cohortName, cohortsOf } from './cohorts.ts'
import { immature, matured } from './health/counts.ts'
import type { GrantKind, RolloutMember } from './member.ts'
import type { Rollout, Stage } from './rollout.ts'
import type { Room } from './room.ts'
import type { Subject } from './subject.ts'
import { cohortScope, minuteOf, type Tally } from './tally.ts'

const MINUTE_MS = 60_000

interface Asked {
  readonly name: RolloutName
  readonly grant: GrantKind
  readonly member: RolloutMember | undefined
  readonly subject: Pick<Subject, 'device' | 'modules' | 'running'>
  readonly isVerifiable: boolean
  readonly now: Millis
}

/**
 * Why there is no room for another grant, as far as the counters tell at this moment; the claim itself has the last word.
 * undefined when there is.
 */
export function checkRoom(rollout: Rollout, room: Room, asked: Asked): Waits | undefined {
  if (!room.whole.isActive) return { because: { kind: 'rollout-paused', rollout: asked.name }, passes: true }
  const because = gateHold(rollout, room, asked) ?? stageHold(rollout, room.stages[rollout.stage], asked)
  return because && { because, passes: because.kind === 'cohort-stopped' }
}

function gateHold(rollout: Rollout, { whole, cohorts, families }: Room, asked: Asked): NoneBecause | undefined {
  const { name, isVerifiable } = asked
  const takesPlace = asked.grant !== 'again'
  const verifiable = takesPlace && isVerifiable ? verifiableHold(name, whole) : undefined
  for (const { scope } of asked.member?.counted ?? []) {
    const its = cohorts.get(scope)
    if (its && !its.isActive)
      return { kind: 'cohort-stopped', rollout: name, cohort: cohortName(its), words: its.stopWords ?? '' }
  }
  for (const cohort of cohortsOf(rollout.health.cohorts, subjectOf(asked.subject), { cohorts, families })) {
    const tally = cohorts.get(cohortScope(cohort))
    if (!tally) continue
    const label = cohortName(cohort)
    if (!tally.isActive) return { kind: 'cohort-stopped', rollout: name, cohort: label, words: tally.stopWords ?? '' }
    if (takesPlace && isVerifiable && !verifiable && tally.counts.granted >= tally.grantLimit)
      return { kind: 'cohort-hold', rollout: name, cohort: label, holding: immature(tally.counts) }
  }
  if (takesPlace && !isVerifiable && whole.unverifiable >= whole.unverifiableLimit)
    return { kind: 'unverifiable-hold', rollout: name, granted: whole.unverifiable }
  return verifiable
}

function verifiableHold(name: RolloutName, { counts, grantLimit }: Tally): NoneBecause | undefined {
  if (counts.granted < grantLimit) return undefined
  return { kind: 'health-hold', rollout: name, holding: immature(counts), allowance: grantLimit - matured(counts) }
}

/** Attributes, and what the primary module runs. */
export function subjectOf({ device, modules, running }: Asked['subject']) {
  const primary = modules.find((module) => module.isPrimary)?.serial
  return { attributes: device.attributes, running: running.find((row) => row.module === primary)?.version ?? null }
}

function stageHold(rollout: Rollout, tally: Tally | undefined, asked: Asked): NoneBecause | undefined {
  const of: Stage | undefined = rollout.stages[rollout.stage]
  if (!of || !tally) return undefined
  const { name, now } = asked
  const stage = rollout.stage + 1
  if (asked.grant === 'first' && of.reach.kind === 'count' && tally.devices >= of.reach.count)
    return { kind: 'stage-full', rollout: name, stage, devices: of.reach.count }
  if (of.concurrency !== null && tally.slots >= of.concurrency)
    return { kind: 'slots-taken', rollout: name, stage, taken: tally.slots, limit: of.concurrency }
  const minute = minuteOf(now)
  if (of.ratePerMinute !== null && tally.minute === minute && tally.minuteGrants >= of.ratePerMinute)
    return {
      kind: 'rate-reached',
      rollout: name,
      stage,
      perMinute: of.ratePerMinute,
      until: (minute + 1) * MINUTE_MS,
    }
  return undefined
}
