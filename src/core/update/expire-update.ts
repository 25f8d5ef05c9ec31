import { SYSTEM } from '../event/event.ts'
import { record } from '../event/record.ts'
import type { Stores } from '../ports.ts'
import { type By, deviceId, moveUpdate, timeOutsFor } from './move-update.ts'
import { onlyStopsWaiting, timeOutReason } from './time-outs.ts'
import type { Update } from './update.ts'

/**
 * What else is to be done, in the same transaction, when an offer was not taken up in time and stays open all the same
 * (`offeredExpiry: 'release-slot'`): whoever counts open offers against a limit stops counting this one.
 */
export type OnOfferExpired = (stores: Stores, update: Update) => Promise<void>

/**
 * Ends an overdue update: failed, or cancelled when only the confirmation of a cancellation was awaited. An offer that
 * may stay open only stops being waited for. Answers false, and changes nothing, when there was news meanwhile.
 */
export async function expireUpdate(
  stores: Stores,
  by: By,
  update: Update,
  onOfferExpired?: OnOfferExpired,
): Promise<boolean> {
  const timeOuts = timeOutsFor(by, update)
  if (onlyStopsWaiting(update.state, timeOuts)) return stopWaiting(stores, by, update, onOfferExpired)
  const moved = await moveUpdate(stores, by, update, {
    trigger: 'time-out',
    actor: SYSTEM,
    reason: timeOutReason(update.state, timeOuts),
    onlyIfUnchanged: true,
  })
  return moved !== undefined
}

async function stopWaiting(
  stores: Stores,
  by: By,
  update: Update,
  onOfferExpired: OnOfferExpired | undefined,
): Promise<boolean> {
  const waiting = await stores.updates.move(update.serial, update, { deadline: null })
  if (!waiting) return false
  await record(stores, by, {
    organisation: update.organisation,
    type: 'update.offer-expired',
    actor: SYSTEM,
    subject: { kind: 'update', id: update.id },
    details: { device: await deviceId(stores, update, SYSTEM), via: update.via },
  })
  await onOfferExpired?.(stores, waiting)
  return true
}
