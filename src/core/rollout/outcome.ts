import type { Clock, Ids, Stores } from '../ports.ts'
import type { Update } from '../update/update.ts'
import { addEvidence, isOnTrial } from './add-evidence.ts'
import { outcomeScopes } from './grant.ts'
import { judgeRollout } from './judge-rollout.ts'
import type { MemberPatch, RolloutMember } from './member.ts'
import type { Rollout } from './rollout.ts'
import { noteVerified } from './verification.ts'

/**
 * What the end of an update means for its rollout: counters, the evidence of its health gate, and at once the verdict.
 * Part of the transaction that ended the update, which holds the rollout's lock.
 */
export async function noteOutcome(stores: Stores, by: { clock: Clock; ids: Ids }, update: Update): Promise<void> {
  if (update.rollout === null || update.state === 'pending') return
  const rollout = await stores.rollouts.find(update.rollout)
  if (!rollout) return
  const member = await stores.rolloutMembers.find(rollout.serial, update.device)
  if (!member || member.update !== update.serial || member.state !== 'open') return
  const isFloor = isFloorOf(rollout, update)
  const now = by.clock.now()
  const isFailure = update.state === 'failed' || update.state === 'rolled-back'
  const isNews = isFailure && isOnTrial(member)
  await closeMember(stores, member, { update, isFloor, now, ...(isNews && { hasFailed: true }) })
  if (isNews) await noteFailure(stores, by, member)
  if (update.state === 'succeeded' && !isFloor && rollout.kind === 'verification')
    await noteVerified(stores, by, rollout)
}

/** Whether an update of a rollout was to a floor on the way, and not to what it is for. */
function isFloorOf({ kind, release }: Pick<Rollout, 'kind' | 'release'>, update: Pick<Update, 'release'>): boolean {
  return kind !== 'undo' && update.release !== release
}

/**
 * The member's new state, its slot given back, and the kept counts of outcomes. One change of the row: for a second one
 * in the same transaction PostgreSQL would lock the device too.
 */
async function closeMember(
  stores: Stores,
  member: RolloutMember,
  { update, isFloor, now, hasFailed }: { update: Update; isFloor: boolean; now: number; hasFailed?: true },
): Promise<void> {
  // A floor that was reached is a step on the way: the device comes back for the rest.
  const state = isFloor && update.state === 'succeeded' ? 'waiting' : (update.state as MemberPatch['state'])
  const patch: MemberPatch = {
    ...(state && { state }),
    ...(state === 'waiting' && { attempts: 0, pardonedAt: null }),
    holdsSlot: false,
    changedAt: now,
    ...(hasFailed && { hasFailed }),
  }
  await stores.rolloutMembers.update(member.serial, patch)
  const outcomes = { open: -1, ...(state && state !== 'waiting' && { [state]: 1 }) }
  const change = { outcomes, ...(member.holdsSlot && { slots: -1 }) }
  for (const scope of outcomeScopes(member.stage)) await stores.rolloutTallies.add(member.rollout, scope, change)
}

/**
 * A device fell back from what an update had brought it. Within its time to confirm that is a failure for the health gate,
 * whatever it had confirmed before. Inside the transaction that notes the fall.
 */
export async function noteRelapse(stores: Stores, by: { clock: Clock; ids: Ids }, update: Update): Promise<void> {
  const rollout = update.rollout === null ? undefined : await stores.rollouts.find(update.rollout)
  if (!rollout) return
  await stores.rolloutTallies.lock(rollout.serial)
  const member = await stores.rolloutMembers.find(rollout.serial, update.device)
  const reached = isFloorOf(rollout, update) ? 'waiting' : 'succeeded'
  if (member?.update !== update.serial || member.state !== reached || !isOnTrial(member)) return
  await stores.rolloutMembers.update(member.serial, { hasFailed: true })
  await noteFailure(stores, by, member)
}

async function noteFailure(stores: Stores, by: { clock: Clock; ids: Ids }, member: RolloutMember): Promise<void> {
  await addEvidence(stores, member, { failed: 1 })
  await judgeRollout(stores, by, member.rollout)
}

/** The update waits longer for its device than its rollout lets it hold a slot: others go on, and it stays open. */
export async function releaseSlot(stores: Stores, update: Update): Promise<void> {
  if (update.rollout === null) return
  await stores.rolloutTallies.lock(update.rollout)
  const member = await stores.rolloutMembers.find(update.rollout, update.device)
  if (!member?.holdsSlot || member.update !== update.serial) return
  await stores.rolloutMembers.update(member.serial, { holdsSlot: false })
  for (const scope of outcomeScopes(member.stage)) await stores.rolloutTallies.add(update.rollout, scope, { slots: -1 })
}
