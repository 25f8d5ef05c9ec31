import type { Serial } from '../common.ts'
import type { Stores } from '../ports.ts'
import { addEvidence, isOnTrial } from './add-evidence.ts'
import { outcomeScopes } from './grant.ts'

/**
 * Takes a device that is about to be deleted out of the counters of its rollouts, inside the transaction of its deletion,
 * which holds the device's lock: nothing is granted to it meanwhile.
 * For the gates one that has not failed settles, which tells nothing. One that has failed is counted and mature already,
 * and never settles: before its turn it would stand among the settled ones for more than its share.
 */
export async function leaveRollouts(stores: Stores, device: Serial): Promise<void> {
  const members = await stores.rolloutMembers.listByDevice(device)
  for (const { rollout } of members.toSorted((left, right) => left.rollout - right.rollout)) {
    await stores.rolloutTallies.lock(rollout)
    const member = await stores.rolloutMembers.find(rollout, device)
    if (!member) continue
    if (member.state !== 'waiting') {
      const change = { outcomes: { [member.state]: -1 }, ...(member.holdsSlot && { slots: -1 }) }
      for (const scope of outcomeScopes(member.stage)) await stores.rolloutTallies.add(rollout, scope, change)
    }
    if (isOnTrial(member)) await addEvidence(stores, member, { settled: 1 })
  }
}
