import { decide } from '../decide/decide.ts'
import { storeCheckIn } from '../device/check-in.ts'
import type { LastSeen } from '../device/last-seen.ts'
import type { DeviceGateway } from '../device-gateway.ts'
import type { CoreLimits } from '../limits.ts'
import type { Ports } from '../ports.ts'
import { RolloutMemory } from '../rollout/rollout-memory.ts'
import { createCancelling } from '../update/begin-cancel.ts'
import { createNamedReports } from '../update/reports/named-reports.ts'
import { createSameImageNotes } from '../update/same-image.ts'
import { createUpdateProgress } from '../update/update-progress.ts'
import { createCatalogues } from './catalogues.ts'
import { createFinding } from './find-devices.ts'
import { createGroups } from './groups.ts'
import { KnownDevices } from './known-devices.ts'

/** The gateway over the given ports. One per process: it holds the poll caches. */
export function createDeviceGateway(ports: Ports, limits: CoreLimits, lastSeen: LastSeen): DeviceGateway {
  const { storage, clock } = ports
  const deps = { ...ports, limits }
  const devices = new KnownDevices(storage, new RolloutMemory(storage), limits.pollCacheDevices)
  const progress = createUpdateProgress(ports, limits)
  const ask: DeviceGateway['decide'] = (known, options) => decide(known, { ...options, now: clock.now(), limits })

  return {
    ...createFinding(ports, devices, limits.pollCacheDevices),
    ...createGroups(storage),
    ...createCatalogues(storage, { decide: ask, grant: progress.grant }),
    ...progress,
    decide: ask,
    seen: (device) => lastSeen.note(device, clock.now()),
    checkIn: async (known, checkIn) => {
      lastSeen.note(known.device.serial, clock.now())
      const changed = await storeCheckIn(deps, known, checkIn)
      return changed ? ((await devices.find(known.device.serial)) ?? known) : known
    },
    noteSameImage: createSameImageNotes(ports, limits.pollCacheDevices),
    reportAll: createNamedReports(ports, limits),
    beginCancel: createCancelling(ports, limits),
  }
}
