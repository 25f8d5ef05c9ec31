import type { Device } from '../device/device.ts'
import { deviceActor } from '../device/device-facts.ts'
import { record } from '../event/record.ts'
import type { Stores } from '../ports.ts'
import { noteRelapse } from '../rollout/outcome.ts'
import { aimsAtAny, type RunningReport, undoneSteps } from './evidence.ts'
import type { By } from './move-update.ts'

/** What claims of events are kept under. */
const PURPOSE = 'fell-back'
/** Updates after the success that are looked at. */
const LATER = 100
const DAY_MS = 86_400_000

/**
 * Records once that versions which a device now names contradict its newest success, by whatever protocol it came and
 * they come: the device runs what that update replaced. Not when a later update wanted just that. Changes no
 * state; soon after a grant it counts as a failure of the device in its rollout.
 */
export async function noteFallBack(
  stores: Stores,
  by: By,
  device: Device,
  report: Pick<RunningReport, 'named' | 'primary'>,
): Promise<void> {
  const success = await stores.updates.findLatestSucceeded(device.serial)
  const undone = success ? undoneSteps(success, report) : []
  if (!success || undone.length === 0) return
  const of = { organisation: device.organisation, device: device.serial }
  const later = await stores.updates.list(of, { after: success.serial, limit: LATER })
  if (later.some((update) => aimsAtAny(update, report))) return
  const now = by.clock.now()
  // As long as the update itself is kept.
  const times = { now, expiresAt: now + by.limits.updateDays * DAY_MS }
  if (!(await stores.once.claim(PURPOSE, success.id, times))) return
  await record(stores, by, {
    organisation: device.organisation,
    type: 'update.fell-back',
    actor: deviceActor(device),
    subject: { kind: 'update', id: success.id },
    details: {
      device: device.id,
      from: undone.map(({ from }) => from),
      to: undone.map(({ to }) => to),
      seconds: Math.round((now - (success.closedAt ?? now)) / 1000),
    },
  })
  await noteRelapse(stores, by, success)
}
