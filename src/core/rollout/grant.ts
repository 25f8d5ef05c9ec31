import type { Offer } from '../decide/decision.ts'
import type { DeviceFacts } from '../device/device-facts.ts'
import { OtaError } from '../errors.ts'
import type { Clock, Ids, Stores } from '../ports.ts'
import type { Update } from '../update/update.ts'
import { addEvidence, isOnTrial } from './add-evidence.ts'
import { subjectOf } from './check-room.ts'
import { cohortsOf } from './cohorts.ts'
import { grantLimit, UNLIMITED } from './health/allowance.ts'
import { NO_COUNTS } from './health/counts.ts'
import type { HealthPolicy } from './health/health-policy.ts'
import { type Counted, type GrantKind, type MemberState, type RolloutMember, waitingMember } from './member.ts'
import type { Rollout } from './rollout.ts'
import type { Claim } from './rollout-store.ts'
import type { Room } from './room.ts'
import { cohortScope, isCohortScope, stageScope, type Tally, WHOLE } from './tally.ts'
import { grantKind, stepsToGo, trialMillis } from './trial.ts'

/** Somebody else took the last slot, or changed what was decided on; the transaction must end, and nothing was granted. */
export class GrantLost extends Error {
  override readonly name = 'GrantLost'
}

export interface Granting {
  readonly facts: DeviceFacts
  /** Of a rollout. */
  readonly offer: Offer
  /** The update that was opened for it in this transaction. */
  readonly update: Update
  readonly isVerifiable: boolean
}

/**
 * Counts a grant of a rollout, and makes or changes the device's membership, as the last thing in the transaction that
 * opened the update. Throws `GrantLost` when any limit leaves no room any more: roll everything back then.
 */
export async function claimGrant(stores: Stores, by: { clock: Clock; ids: Ids }, granting: Granting): Promise<void> {
  const { facts, offer } = granting
  const candidate = facts.rollouts.find(
    ({ rollout }) => offer.source.kind === 'rollout' && rollout.serial === offer.source.rollout,
  )
  const known = candidate && facts.rooms.get(candidate.rollout.serial)
  if (!candidate || !known) throw new OtaError('internal', 'A grant needs its rollout among the facts')
  const { rollout, target } = candidate
  const now = by.clock.now()
  const steps = target.kind === 'files' ? stepsToGo(rollout, facts, target.files) : 1
  const kind = grantKind(rollout, candidate.member, { room: known, now, steps })
  const shared = { rollout: rollout.serial, now, grant: kind, isVerifiable: granting.isVerifiable } as const
  if (!(await stores.rolloutTallies.claim({ ...shared, scope: WHOLE }))) throw new GrantLost()
  const member = await stores.rolloutMembers.find(rollout.serial, facts.device.serial)
  const whole = await stores.rolloutTallies.find(rollout.serial, WHOLE)
  if (!whole || whole.run !== known.whole.run || !isAsDecided(candidate.member, member)) throw new GrantLost()
  await takeStage(stores, rollout, shared)
  const cohorts = await takeCohorts(stores, rollout, { facts, shared, known, member })
  if (member) await forget(stores, member, kind)
  const counted = kind === 'again' ? undefined : await countedIn(stores, rollout, { whole, cohorts })
  await keep(stores, { granting, rollout, member, kind, now, steps, ...(counted && { counted }) })
}

/** Whether nobody changed the membership since the decision: from the first claim on nobody can. */
function isAsDecided(decided: RolloutMember | undefined, now: RolloutMember | undefined): boolean {
  return (
    decided?.state === now?.state &&
    decided?.update === now?.update &&
    decided?.attempts === now?.attempts &&
    decided?.excludedAt === now?.excludedAt &&
    decided?.hasFailed === now?.hasFailed &&
    decided?.pardonedAt === now?.pardonedAt
  )
}

async function takeStage(stores: Stores, rollout: Rollout, shared: Omit<Claim, 'scope'>): Promise<void> {
  const stage = rollout.stages[rollout.stage]
  const claim: Claim = {
    ...shared,
    scope: stageScope(rollout.stage),
    ...(stage && stage.concurrency !== null && { concurrency: stage.concurrency }),
    ...(stage && stage.ratePerMinute !== null && { ratePerMinute: stage.ratePerMinute }),
    ...(stage?.reach.kind === 'count' && { devices: stage.reach.count }),
  }
  if (!(await stores.rolloutTallies.claim(claim))) throw new GrantLost()
}

interface Taking {
  readonly facts: DeviceFacts
  readonly shared: Omit<Claim, 'scope'>
  readonly known: Room
  readonly member: RolloutMember | undefined
}

/**
 * Room in every cohort of the device; a new one begins with the initial allowance. What takes no place needs only leave,
 * also of the cohorts that the device was in when its trial began: at a floor it comes from another version.
 */
async function takeCohorts(
  stores: Stores,
  rollout: Rollout,
  { facts, shared, known, member }: Taking,
): Promise<Counted[]> {
  const counted: Counted[] = []
  for (const { scope } of member?.counted ?? [])
    if (isCohortScope(scope) && !(await stores.rolloutTallies.claim({ ...shared, scope, grant: 'again' })))
      throw new GrantLost()
  for (const cohort of cohortsOf(rollout.health.cohorts, subjectOf(facts), known)) {
    if (shared.grant === 'again' && !known.cohorts.has(cohortScope(cohort))) continue
    const limits = { grantLimit: newCohortLimit(rollout.health) }
    const tally = await stores.rolloutTallies.ensureCohort(rollout.serial, cohort, limits)
    const scope = cohortScope(cohort)
    if (!(await stores.rolloutTallies.claim({ ...shared, scope }))) throw new GrantLost()
    counted.push({ scope, run: tally.run })
  }
  return counted
}

function newCohortLimit({ mode, allowance }: HealthPolicy): number {
  return mode === 'off' ? UNLIMITED : grantLimit(allowance, NO_COUNTS)
}

/** The counts that the device is in from now on, each in its present run, which the lock of the claims keeps. */
async function countedIn(
  stores: Stores,
  rollout: Rollout,
  { whole, cohorts }: { whole: Tally; cohorts: readonly Counted[] },
): Promise<Counted[]> {
  const stage = await stores.rolloutTallies.find(rollout.serial, stageScope(rollout.stage))
  return [whole, ...(stage ? [stage] : [])].map(({ scope, run }): Counted => ({ scope, run })).concat(cohorts)
}

/**
 * Takes the device's former outcome out of the counters. A trial that ends because another one begins, without a failure,
 * settles: it would have told nothing more.
 */
async function forget(stores: Stores, member: RolloutMember, kind: GrantKind): Promise<void> {
  if (kind === 'anew' && isOnTrial(member)) await addEvidence(stores, member, { settled: 1 })
  if (member.state === 'waiting') return
  const change = { outcomes: { [member.state]: -1 } }
  for (const scope of outcomeScopes(member.stage)) await stores.rolloutTallies.add(member.rollout, scope, change)
}

/** The scopes that keep a member's outcome. */
export function outcomeScopes(stage: number | null): string[] {
  return stage === null ? [WHOLE] : [WHOLE, stageScope(stage)]
}

interface Keeping {
  readonly granting: Granting
  readonly rollout: Rollout
  readonly member: RolloutMember | undefined
  readonly kind: GrantKind
  readonly now: number
  readonly steps: number
  readonly counted?: readonly Counted[]
}

async function keep(stores: Stores, keeping: Keeping): Promise<void> {
  const { granting, rollout, member, kind, now, steps, counted } = keeping
  const { device } = granting.facts
  const trial = counted && {
    grantedAt: now,
    settleAt: now + trialMillis(rollout, steps),
    isVerifiable: granting.isVerifiable,
    isSettled: false,
    hasFailed: false,
    counted,
  }
  const change = {
    state: 'open' as MemberState,
    stage: rollout.stage,
    update: granting.update.serial,
    attempts: kind === 'first' ? 1 : (member?.attempts ?? 0) + 1,
    holdsSlot: true,
    changedAt: now,
    ...trial,
  }
  if (member) {
    await stores.rolloutMembers.update(member.serial, change)
    return
  }
  const { isVerifiable } = granting
  await stores.rolloutMembers.insert({ ...waitingMember(rollout, device.serial, now), isVerifiable, ...change })
}
