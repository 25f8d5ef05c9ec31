import type { Firmware } from '../firmware/firmware.ts'
import type { Clock, Ids, Stores } from '../ports.ts'
import type { Release } from './release.ts'

/** The release that a single firmware is by itself, made on first use; seals the firmware. */
export async function ensureSilentRelease(
  stores: Stores,
  by: { clock: Clock; ids: Ids },
  firmware: Firmware,
): Promise<Release> {
  if (!firmware.sealed) await stores.firmware.update(firmware.serial, { sealed: true })
  const existing = await stores.releases.findSilent(firmware.serial)
  if (existing) return existing
  const now = by.clock.now()
  return stores.releases.insert({
    id: by.ids.id(now),
    createdAt: now,
    organisation: firmware.organisation,
    product: firmware.product,
    version: firmware.version,
    isSilent: true,
    firmware: [firmware.serial],
  })
}
