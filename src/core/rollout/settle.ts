import type { Serial } from '../common.ts'
import type { Stores } from '../ports.ts'
import type { ServiceDeps } from '../service.ts'
import { judgeRollout } from './judge-rollout.ts'
import type { MemberState, RolloutMember } from './member.ts'
import type { TallyChange } from './rollout-store.ts'

/** Members settled in one transaction. */
const BATCH = 500
/** Rollouts looked at in one turn. */
const ROLLOUTS = 100
/** A device that did not confirm in time has failed; one whose update was called off tells nothing. */
const KNOWN = ['succeeded', 'cancelled', 'superseded'] as const satisfies readonly MemberState[]

/**
 * Settles the devices whose time to confirm is over, rollout by rollout in the order of their grants, and asks the gates
 * again. Several processes may do so at once. Answers how many there were; call it again while there are any.
 */
export async function settleMembers({ storage, clock, ids }: ServiceDeps): Promise<number> {
  const due = await storage.read.rolloutMembers.listSettling(clock.now(), ROLLOUTS)
  let settled = 0
  for (const rollout of due)
    settled += await storage.transaction(async (stores) => {
      await stores.rolloutTallies.lock(rollout)
      const members = await stores.rolloutMembers.settle(rollout, { now: clock.now(), limit: BATCH, known: KNOWN })
      if (members.length > 0) await settleBatch(stores, { rollout, members })
      if (members.length > 0) await judgeRollout(stores, { clock, ids }, rollout)
      return members.length
    })
  return settled
}

/** One change for each count that any of them is in. */
async function settleBatch(
  stores: Stores,
  { rollout, members }: { rollout: Serial; members: readonly RolloutMember[] },
): Promise<void> {
  const changes = new Map<string, { scope: string; run: number; change: Required<Evidence> }>()
  for (const member of members) {
    if (!member.isVerifiable) continue
    const evidence = evidenceOf(member)
    for (const { scope, run } of member.counted) {
      const name = `${run} ${scope}`
      const sum = changes.get(name)?.change ?? NONE
      changes.set(name, { scope, run, change: added(sum, evidence) })
    }
  }
  for (const { scope, run, change } of changes.values()) await stores.rolloutTallies.add(rollout, scope, change, run)
}

type Evidence = Pick<TallyChange, 'settled' | 'failed' | 'settledFailed' | 'silent'>

const NONE: Required<Evidence> = { settled: 0, failed: 0, settledFailed: 0, silent: 0 }

function evidenceOf(member: RolloutMember): Required<Evidence> {
  const settled = { ...NONE, settled: 1 }
  if (member.hasFailed) return { ...settled, settledFailed: 1 }
  const known: readonly MemberState[] = KNOWN
  return known.includes(member.state) ? settled : { ...settled, failed: 1, settledFailed: 1, silent: 1 }
}

function added(left: Required<Evidence>, right: Required<Evidence>): Required<Evidence> {
  return {
    settled: left.settled + right.settled,
    failed: left.failed + right.failed,
    settledFailed: left.settledFailed + right.settledFailed,
    silent: left.silent + right.silent,
  }
}
