import type { Offer } from '../decide/decision.ts'
import { type DeviceFacts, deviceActor } from '../device/device-facts.ts'
import type { AskOptions } from '../device-gateway.ts'
import type { Stores } from '../ports.ts'
import { ensureRelease } from '../release/ensure-release.ts'
import { claimGrant } from '../rollout/grant.ts'
import { type By, moveUpdate } from './move-update.ts'
import { openUpdate } from './open-update.ts'
import type { Update } from './update.ts'

/**
 * Opens the update that a decision offers, in place of one that was open for another release. Of a rollout it is counted
 * against every limit: throws `GrantLost` when somebody else was faster, and the transaction must be rolled back.
 */
export async function openOffer(
  stores: Stores,
  by: By,
  fresh: DeviceFacts,
  { offer, options }: { offer: Offer; options: AskOptions },
): Promise<Update> {
  const { source, files } = offer
  if (fresh.open) await moveUpdate(stores, by, fresh.open, { trigger: 'supersede', actor: deviceActor(fresh.device) })
  const release = offer.release ?? (await ensureRelease(stores, by, files))
  const shared = { via: options.via, reporting: options.reporting, release: release.serial, files }
  if (source.kind === 'assignment') return openUpdate(stores, by, fresh, { ...shared, assignment: source.assignment })
  const timeOuts = fresh.rollouts.find((one) => one.rollout.serial === source.rollout)?.rollout.options.timeOuts
  const update = await openUpdate(stores, by, fresh, {
    ...shared,
    rollout: source.rollout,
    ...(timeOuts && { timeOuts }),
  })
  const isVerifiable = options.isVerifiable ?? true
  await claimGrant(stores, by, { facts: fresh, offer, update, isVerifiable })
  return update
}
