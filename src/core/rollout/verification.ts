import { SYSTEM } from '../event/event.ts'
import { record } from '../event/record.ts'
import type { Clock, Ids, Stores } from '../ports.ts'
import type { Rollout } from './rollout.ts'
import { lockFirmware } from './verification-limit.ts'

/**
 * A device succeeded in a verification rollout: firmware that enough different devices run now is verified, and stays so.
 * Inside a transaction that holds the rollout's lock.
 */
export async function noteVerified(stores: Stores, by: { clock: Clock; ids: Ids }, rollout: Rollout): Promise<void> {
  const release = await stores.releases.find(rollout.release)
  // Of two devices that succeed at once in two rollouts, the second counts the first.
  if (release) await lockFirmware(stores, release)
  const { succeeded } = await stores.rolloutMembers.countVerified(rollout.release)
  for (const serial of release?.firmware ?? []) {
    const firmware = await stores.firmware.find(serial)
    if (!firmware || firmware.verification.verified || succeeded < firmware.verification.minSucceeded) continue
    const verification = { ...firmware.verification, verified: true }
    await stores.firmware.update(firmware.serial, { verification })
    await record(stores, by, {
      organisation: rollout.organisation,
      type: 'firmware.verified',
      actor: SYSTEM,
      subject: { kind: 'firmware', id: firmware.id },
      details: { version: firmware.version, devices: succeeded, rollout: rollout.key },
    })
  }
}
