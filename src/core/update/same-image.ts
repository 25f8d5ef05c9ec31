import type { Serial } from '../common.ts'
import { type DeviceFacts, deviceActor } from '../device/device-facts.ts'
import type { DeviceGateway, GroupFacts } from '../device-gateway.ts'
import { SYSTEM } from '../event/event.ts'
import { record } from '../event/record.ts'
import type { FirmwareFile } from '../firmware/firmware.ts'
import type { Ports } from '../ports.ts'

/** Remembers in bounded memory what it recorded last, so that a device in a loop does not fill the log of events. */
export function createSameImageNotes(ports: Ports, capacity: number): DeviceGateway['noteSameImage'] {
  const noted = new Map<string, Serial>()
  return async (target, file) => {
    const { kind, id } = subjectOf(target)
    const firmware = file.firmware.serial
    if (noted.get(id) === firmware) return
    if (noted.size >= capacity) noted.clear()
    // Before it is written: the board may fetch again meanwhile.
    noted.set(id, firmware)
    try {
      await ports.storage.transaction((stores) => recordSameImage(stores, ports, { target, file, kind, id }))
    } catch (error) {
      noted.delete(id)
      throw error
    }
  }
}

interface Note {
  readonly target: DeviceFacts | GroupFacts
  readonly file: FirmwareFile
  readonly kind: 'device' | 'group'
  readonly id: string
}

function recordSameImage(
  stores: Parameters<typeof record>[0],
  ports: Ports,
  { target, file, kind, id }: Note,
): Promise<void> {
  return record(stores, ports, {
    organisation: target.organisation.serial,
    type: `${kind}.version-mismatch`,
    actor: 'device' in target ? deviceActor(target.device) : SYSTEM,
    subject: { kind, id },
    details: { version: file.firmware.version, md5: file.artifact.md5, reason: 'it fetched the image that it runs' },
  })
}

function subjectOf(target: DeviceFacts | GroupFacts): { kind: 'device' | 'group'; id: string } {
  return 'device' in target ? { kind: 'device', id: target.device.id } : { kind: 'group', id: target.group.id }
}
