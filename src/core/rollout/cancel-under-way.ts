import type { Serial } from '../common.ts'
import { SYSTEM } from '../event/event.ts'
import type { Stores } from '../ports.ts'
import type { ServiceDeps } from '../service.ts'
import { moveUpdate } from '../update/move-update.ts'
import { isOpen } from '../update/update.ts'
import type { Rollout } from './rollout.ts'

/** Members looked at in one batch. */
const BATCH = 200
/** No update has more states to go through. */
const ATTEMPTS = 10
const REASON = 'the rollout was stopped'

/**
 * Asks the devices that are at work in a stopped rollout to stop, at most so many batches of them. Where it ends is kept:
 * the next call, also of another process or after a restart, goes on from there, so that each device is asked once.
 * Nobody joins those at work meanwhile, as a stopped rollout grants nothing.
 */
export async function cancelUnderWay(
  deps: ServiceDeps,
  rollout: Rollout,
  { batches, size = BATCH }: { readonly batches: number; readonly size?: number },
): Promise<void> {
  let current: Rollout | undefined = rollout
  for (let batch = 0; batch < batches && current?.cancelling; batch++) current = await cancelBatch(deps, current, size)
}

/** A device that reports at the same time may be faster, so that its update has to be looked at again. */
async function cancel(stores: Stores, deps: ServiceDeps, serial: Serial): Promise<void> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const update = await stores.updates.find(serial)
    if (!update || !isOpen(update.state) || update.state === 'cancelling') return
    if (await moveUpdate(stores, deps, update, { trigger: 'cancel', actor: SYSTEM, reason: REASON })) return
  }
}

/** The rollout as it stands then; undefined when somebody else changed it meanwhile. */
async function cancelBatch(deps: ServiceDeps, rollout: Rollout, size: number): Promise<Rollout | undefined> {
  const { storage } = deps
  const filter = { rollout: rollout.serial, states: ['open'] } as const
  const members = await storage.read.rolloutMembers.list(filter, { limit: size, after: rollout.cancelAfter })
  const updates = await storage.read.updates.listBySerials(members.flatMap(({ update }) => update ?? []))
  for (const { serial, state } of updates)
    if (state !== 'cancelling') await storage.transaction((stores) => cancel(stores, deps, serial))
  const last = members.at(-1)?.serial
  const patch = members.length < size || last === undefined ? { cancelling: false } : ({ cancelAfter: last } as const)
  return storage.transaction(async (stores) => {
    await stores.rolloutTallies.lock(rollout.serial)
    const current = await stores.rollouts.find(rollout.serial)
    // It may have gone on meanwhile, and be stopped again: then it begins anew.
    const isSame = current?.cancelling === true && current.run === rollout.run
    if (!isSame || current.cancelAfter !== rollout.cancelAfter) return undefined
    return stores.rollouts.update(rollout.serial, patch)
  })
}
