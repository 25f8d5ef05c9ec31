import { OtaError } from '../errors.ts'
import type { FirmwareFile } from '../firmware/firmware.ts'
import type { Clock, Ids, Stores } from '../ports.ts'
import { ensureSilentRelease } from './ensure-silent-release.ts'
import type { Release } from './release.ts'

/** Longest version of a release. */
const VERSION_CHARS = 64

/**
 * The release of exactly these files: a single firmware's silent one, or one named by their versions (`1.2.0+0.9.1`),
 * made on first use.
 */
export async function ensureRelease(
  stores: Stores,
  by: { clock: Clock; ids: Ids },
  files: readonly FirmwareFile[],
): Promise<Release> {
  const [first] = files
  if (!first) throw new OtaError('internal', 'A release has at least one firmware')
  if (files.length === 1) return ensureSilentRelease(stores, by, first.firmware)
  const { organisation, product } = first.firmware
  const firmware = files.map((file) => file.firmware.serial)
  const version = files
    .map((file) => file.firmware.version)
    .join('+')
    .slice(0, VERSION_CHARS)
  const known = product === null ? undefined : await stores.releases.findByVersion(organisation, product, version)
  if (known?.firmware.join() === firmware.join()) return known
  for (const file of files)
    if (!file.firmware.sealed) await stores.firmware.update(file.firmware.serial, { sealed: true })
  const now = by.clock.now()
  const id = by.ids.id(now)
  // Another release has the name already: this one is called by its id.
  const name = known ? id : version
  return stores.releases.insert({ id, createdAt: now, organisation, product, version: name, isSilent: false, firmware })
}
