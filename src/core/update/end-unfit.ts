import type { Device } from '../device/device.ts'
import type { Actor } from '../event/event.ts'
import type { Stores } from '../ports.ts'
import { type By, moveUpdate } from './move-update.ts'

/**
 * Ends the open update of a device that was just disabled or moved from one product to another: it is not for it any more.
 * What the device had not begun may be offered again later; a device at work is to stop. Inside the transaction of the
 * change; changes nothing after any other change.
 */
export async function endUnfitUpdate(
  stores: Stores,
  by: By,
  { before, after, actor }: { readonly before: Device; readonly after: Device; readonly actor: Actor },
): Promise<void> {
  const reason = unfit(before, after)
  const open = reason === undefined ? undefined : await stores.updates.findOpen(after.serial)
  if (!open || reason === undefined) return
  const trigger = open.state === 'pending' || open.state === 'offered' ? 'supersede' : 'cancel'
  await moveUpdate(stores, by, open, { trigger, actor, reason })
}

function unfit(before: Device, after: Device): string | undefined {
  if (after.status === 'disabled' && before.status !== 'disabled') return 'the device was disabled'
  if (before.product !== null && before.product !== after.product) return 'the device was moved to another product'
  return undefined
}
