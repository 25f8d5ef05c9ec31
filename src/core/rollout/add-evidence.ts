import type { Stores } from '../ports.ts'
import type { RolloutMember } from './member.ts'
import type { TallyChange } from './rollout-store.ts'

/** Adds to every count of the gate that the device is in, each only in the run in which its trial began. */
export async function addEvidence(
  stores: Pick<Stores, 'rolloutTallies'>,
  member: Pick<RolloutMember, 'rollout' | 'counted'>,
  change: TallyChange,
): Promise<void> {
  for (const { scope, run } of member.counted) await stores.rolloutTallies.add(member.rollout, scope, change, run)
}

/** Whether the trial of a device still lacks its verdict for the gate. */
export function isOnTrial(
  member: Pick<RolloutMember, 'isVerifiable' | 'grantedAt' | 'isSettled' | 'hasFailed'>,
): boolean {
  return member.isVerifiable && member.grantedAt !== null && !member.isSettled && !member.hasFailed
}
