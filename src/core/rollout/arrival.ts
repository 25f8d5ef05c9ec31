import type { Millis } from '../common.ts'
import type { Device } from '../device/device.ts'
import { record } from '../event/record.ts'
import type { CoreLimits } from '../limits.ts'
import type { Stores } from '../ports.ts'
import type { ServiceDeps } from '../service.ts'
import { outcomeScopes } from './grant.ts'
import { type RolloutMember, waitingMember } from './member.ts'
import { retryAt } from './retry-at.ts'
import type { Rollout } from './rollout.ts'
import { noteVerified } from './verification.ts'

/**
 * A device that a rollout was meant for came to run its release before it was granted it, or while it waited for another
 * try: it counts as updated there. Answers whether it waited; inside a transaction.
 */
export async function noteArrival(
  stores: Stores,
  by: Pick<ServiceDeps, 'clock' | 'ids' | 'limits'>,
  rollout: Rollout,
  device: Device,
): Promise<boolean> {
  await stores.rolloutTallies.lock(rollout.serial)
  const now = by.clock.now()
  const member = await stores.rolloutMembers.find(rollout.serial, device.serial)
  if (member && !isWaiting(rollout, member, { now, limits: by.limits })) return false
  const { serial, stage, state } =
    member ?? (await stores.rolloutMembers.insert(waitingMember(rollout, device.serial, now)))
  await stores.rolloutMembers.update(serial, { state: 'succeeded', changedAt: now })
  const outcomes = { ...(state !== 'waiting' && { [state]: -1 }), succeeded: 1 }
  for (const scope of outcomeScopes(stage)) await stores.rolloutTallies.add(rollout.serial, scope, { outcomes })
  await record(stores, by, {
    organisation: rollout.organisation,
    type: 'rollout.arrived',
    actor: { kind: 'device', id: device.id, name: device.key },
    subject: { kind: 'rollout', id: rollout.id },
    details: { key: rollout.key, device: device.id },
  })
  if (rollout.kind === 'verification') await noteVerified(stores, by, rollout)
  return true
}

/** Whether a member has nothing under way and may still be granted something: at all, or another try by now. Pure. */
export function isWaiting(
  { options }: Pick<Rollout, 'options'>,
  member: Pick<RolloutMember, 'state' | 'excludedAt' | 'attempts' | 'changedAt'>,
  { now, limits }: { readonly now: Millis; readonly limits: Pick<CoreLimits, 'retryMaxSeconds'> },
): boolean {
  if (member.excludedAt !== null) return false
  if (member.state === 'waiting') return true
  if (member.state !== 'failed' && member.state !== 'rolled-back') return false
  const again = retryAt(options.retry, member, limits)
  return again !== undefined && now >= again
}
