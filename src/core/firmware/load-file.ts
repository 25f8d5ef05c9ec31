import type { Serial } from '../common.ts'
import type { FirmwareFile } from '../firmware/firmware.ts'
import type { Stores } from '../ports.ts'

/** A firmware with its primary artifact. */
export async function loadFile(stores: Stores, serial: Serial): Promise<FirmwareFile | undefined> {
  const firmware = await stores.firmware.find(serial)
  const [artifact] = firmware ? await stores.artifacts.listByFirmware(firmware.serial) : []
  return firmware && artifact ? { firmware, artifact } : undefined
}
