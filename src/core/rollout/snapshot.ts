import type { Serial } from '../common.ts'
import { isOtaError } from '../errors.ts'
import { SYSTEM } from '../event/event.ts'
import { record } from '../event/record.ts'
import type { ServiceDeps } from '../service.ts'
import { waitingMember } from './member.ts'
import type { Rollout } from './rollout.ts'

/** Devices looked at in one transaction. */
const BATCH = 1_000

/**
 * Goes on with the list of a snapshot's devices, at most so many batches: those that were there when the rollout was
 * made and are selected. Several processes may do so at once. The rollout as it stands then; undefined when it is gone.
 */
export async function takeSnapshot(deps: ServiceDeps, serial: Serial, batches: number): Promise<Rollout | undefined> {
  let rollout = await deps.storage.read.rollouts.find(serial)
  for (let batch = 0; batch < batches && rollout?.snapshot.kind === 'taking'; batch++)
    rollout = await takeBatch(deps, rollout, rollout.snapshot).catch(againIfDeleted(rollout))
  return rollout
}

/** A device that was listed is deleted: the next list leaves it out. */
function againIfDeleted(rollout: Rollout): (error: unknown) => Rollout {
  return (error) => {
    if (isOtaError(error, 'not-found')) return rollout
    throw error
  }
}

async function takeBatch(
  deps: ServiceDeps,
  rollout: Rollout,
  from: Rollout['snapshot'] & { kind: 'taking' },
): Promise<Rollout | undefined> {
  const { storage, clock } = deps
  const { organisation, product, selection } = rollout
  const filter = { organisation, product, where: selection.filter }
  const found = await storage.management.devices.listFacts(filter, { limit: BATCH, after: from.after })
  const now = clock.now()
  const members = found
    .filter(
      ({ device, running }) =>
        device.createdAt <= rollout.createdAt && (!selection.reportingOnly || running.length > 0),
    )
    .map(({ device }) => waitingMember(rollout, device.serial, now))
  const last = found.at(-1)?.device.serial
  return storage.transaction(async (stores) => {
    await stores.rolloutTallies.lock(rollout.serial)
    const current = await stores.rollouts.find(rollout.serial)
    // Another process took this batch.
    if (current?.snapshot.kind !== 'taking' || current.snapshot.after !== from.after) return current
    const added = await stores.rolloutMembers.insertMany(members)
    const devices = from.devices + added
    const isDone = found.length < BATCH || last === undefined
    if (isDone)
      await record(stores, deps, {
        organisation,
        type: 'rollout.snapshot-taken',
        actor: SYSTEM,
        subject: { kind: 'rollout', id: rollout.id },
        details: { key: rollout.key, devices },
      })
    const snapshot: Rollout['snapshot'] = isDone ? { kind: 'taken', devices } : { kind: 'taking', after: last, devices }
    return stores.rollouts.update(rollout.serial, { snapshot })
  })
}
