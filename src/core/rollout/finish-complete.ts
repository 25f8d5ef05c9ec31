import { SYSTEM } from '../event/event.ts'
import { record } from '../event/record.ts'
import type { Stores } from '../ports.ts'
import type { ServiceDeps } from '../service.ts'
import { isAnyoneLeft } from './anyone-left.ts'
import { devicesNamed } from './devices-named.ts'
import type { Rollout } from './rollout.ts'
import { loadRoom, type Room } from './room.ts'
import { WHOLE } from './tally.ts'

/** Rollouts read at once. */
const PAGE = 200

/**
 * Finishes rollouts that are for a list of devices (a snapshot, or devices that they name) and have nothing left to do: at
 * the last stage, and none of the devices may still be granted anything or be found to have failed. Those for whoever is
 * selected stay open for devices that come later. For a job of minutes; several processes may do it at once.
 */
export async function finishComplete(deps: ServiceDeps): Promise<void> {
  const { read } = deps.storage
  for (let after = 0; ; ) {
    const page = await read.rollouts.listInStates(['running'], { limit: PAGE, after })
    for (const rollout of page) {
      if (!mayFinish(rollout)) continue
      const room = await loadRoom(read, rollout.serial)
      if (room && room.whole.outcomes.open === 0 && !(await isAnyoneLeft(deps, rollout)))
        await finish(deps, rollout, room)
    }
    after = page.at(-1)?.serial ?? after
    if (page.length < PAGE) return
  }
}

/** Whether a rollout is at its last stage and can come to an end by itself. Pure. */
export function mayFinish(rollout: Rollout): boolean {
  const isAtLast = rollout.stage + 1 >= rollout.stages.length && rollout.stageStartedAt !== null
  return rollout.state === 'running' && isAtLast && endsByItself(rollout)
}

/** Whether a rollout is for a list of devices, and nobody wants it to stay open. Pure. */
export function endsByItself({ kind, membership, snapshot, selection, options }: Rollout): boolean {
  // Those of older versions do not say.
  if (kind === 'undo' || options.staysOpen !== false) return false
  return membership === 'snapshot' ? snapshot.kind === 'taken' : devicesNamed(selection.filter) !== undefined
}

/** Only while nothing has happened since it was looked at. */
async function finish(deps: ServiceDeps, rollout: Rollout, room: Room): Promise<void> {
  await deps.storage.transaction(async (stores) => {
    await stores.rolloutTallies.lock(rollout.serial)
    const current = await stores.rollouts.find(rollout.serial)
    const now = await loadRoom(stores, rollout.serial)
    if (current?.revision !== rollout.revision || JSON.stringify(now?.whole) !== JSON.stringify(room.whole)) return
    await close(stores, deps, current)
  })
}

async function close(stores: Stores, by: ServiceDeps, rollout: Rollout): Promise<void> {
  await stores.rolloutTallies.setLimits(rollout.serial, WHOLE, { isActive: false })
  await stores.rollouts.update(rollout.serial, { state: 'finished', endedAt: by.clock.now(), isComplete: true })
  await record(stores, by, {
    organisation: rollout.organisation,
    type: 'rollout.finished',
    actor: SYSTEM,
    subject: { kind: 'rollout', id: rollout.id },
    details: { key: rollout.key, by: 'itself' },
  })
}
