import type { Millis, Serial } from '../common.ts'
import type { Stores } from '../ports.ts'
import type { ServiceDeps } from '../service.ts'
import type { Update } from '../update/update.ts'
import { judgeRollout } from './judge-rollout.ts'
import type { MemberState, RolloutMember } from './member.ts'
import type { TallyChange } from './rollout-store.ts'

/** Members settled in one transaction. */
const BATCH = 500
/** Rollouts looked at in one turn. */
const ROLLOUTS = 100

/**
 * Settles the devices whose time to confirm is over, rollout by rollout in the order of their grants, and asks the gates
 * again. Several processes may do so at once. Answers how many there were; call it again while there are any.
 */
export async function settleMembers({ storage, clock, ids }: ServiceDeps): Promise<number> {
  const rollouts = await storage.read.rolloutMembers.listSettling(clock.now(), ROLLOUTS)
  let settled = 0
  for (const rollout of rollouts)
    settled += await storage.transaction(async (stores) => {
      await stores.rolloutTallies.lock(rollout)
      const due = await stores.rolloutMembers.listDue(rollout, clock.now(), BATCH)
      const confirmSeconds = (await stores.rollouts.find(rollout))?.health.confirmSeconds ?? 0
      const silent = await silentOnes(stores, due, confirmSeconds * 1000)
      const marked = new Set(await stores.rolloutMembers.settle(serialsOf(due), serialsOf([...silent])))
      if (marked.size === 0) return 0
      await settleBatch(stores, { rollout, members: due.filter(({ serial }) => marked.has(serial)), silent })
      await judgeRollout(stores, { clock, ids }, rollout)
      return marked.size
    })
  return settled
}

/** States that are no silence. */
const CALM: ReadonlySet<MemberState> = new Set(['succeeded', 'cancelled', 'superseded', 'waiting'])

/**
 * Devices that did not confirm in time. One whose update ended without a verdict is none: it was called off, is asked to
 * stop, or another try has taken its place since, which has not had its own time.
 */
async function silentOnes(
  stores: Stores,
  due: readonly RolloutMember[],
  confirmMs: Millis,
): Promise<ReadonlySet<RolloutMember>> {
  const suspects = due.filter((member) => member.isVerifiable && !member.hasFailed && !CALM.has(member.state))
  const updates = await stores.updates.listBySerials(suspects.flatMap(({ update }) => update ?? []))
  const bySerial = new Map(updates.map((update) => [update.serial, update]))
  return new Set(
    suspects.filter((member) => {
      const update = bySerial.get(member.update ?? 0)
      return update !== undefined && update.state !== 'cancelling' && hadItsTime(member, update, confirmMs)
    }),
  )
}

/** Whether the device had T for its newest update: the last step of its trial had, another try since then had not. */
function hadItsTime({ settleAt }: RolloutMember, { createdAt }: Update, confirmMs: Millis): boolean {
  return settleAt !== null && settleAt - createdAt >= confirmMs
}

function serialsOf(members: readonly RolloutMember[]): Serial[] {
  return members.map(({ serial }) => serial)
}

/** One change for each count that any of them is in. */
async function settleBatch(
  stores: Stores,
  settling: {
    readonly rollout: Serial
    readonly members: readonly RolloutMember[]
    readonly silent: ReadonlySet<RolloutMember>
  },
): Promise<void> {
  const { rollout, members, silent } = settling
  const changes = new Map<string, { scope: string; run: number; change: Required<Evidence> }>()
  for (const member of members) {
    if (!member.isVerifiable) continue
    const evidence = evidenceOf(member, silent.has(member))
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

/** A device that did not confirm in time has failed. */
function evidenceOf(member: RolloutMember, isSilent: boolean): Required<Evidence> {
  const settled = { ...NONE, settled: 1 }
  if (member.hasFailed) return { ...settled, settledFailed: 1 }
  return isSilent ? { ...settled, failed: 1, settledFailed: 1, silent: 1 } : settled
}

function added(left: Required<Evidence>, right: Required<Evidence>): Required<Evidence> {
  return {
    settled: left.settled + right.settled,
    failed: left.failed + right.failed,
    settledFailed: left.settledFailed + right.settledFailed,
    silent: left.silent + right.silent,
  }
}
