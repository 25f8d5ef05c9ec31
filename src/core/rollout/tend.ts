import { SYSTEM } from '../event/event.ts'
import type { ServiceDeps } from '../service.ts'
import { moveUpdate } from '../update/move-update.ts'
import { beginStage } from './begin-stage.ts'
import type { Rollout } from './rollout.ts'
import { loadRoom } from './room.ts'
import { settleMembers } from './settle.ts'
import { takeSnapshot } from './snapshot.ts'
import { stageVerdict } from './stage-verdict.ts'

/** Rollouts read at once. */
const PAGE = 200
/** Rounds of settling in one turn; what is left waits for the next. */
const ROUNDS = 50
/** Batches of one snapshot in one turn. */
const BATCHES = 5
/** Updates cancelled in one turn. */
const CANCELS = 500

/**
 * What rollouts do by themselves: settle devices whose time is over, go to the next stage, go on with snapshots and with
 * cancelling. Any number of processes may do it at once.
 */
export async function tendRollouts(deps: ServiceDeps): Promise<void> {
  for (let round = 0; round < ROUNDS && (await settleMembers(deps)) > 0; round++);
  await advanceStages(deps)
  for (const rollout of await deps.storage.read.rollouts.listAtWork(PAGE)) {
    if (rollout.snapshot.kind === 'taking') await takeSnapshot(deps, rollout.serial, BATCHES)
    if (rollout.cancelling) await cancelUnderWay(deps, rollout)
  }
}

async function advanceStages(deps: ServiceDeps): Promise<void> {
  let after: number | undefined
  for (;;) {
    const slice = { limit: PAGE, ...(after !== undefined && { after }) }
    const page = await deps.storage.read.rollouts.listInStates(['running'], slice)
    for (const rollout of page) if (rollout.stage + 1 < rollout.stages.length) await advance(deps, rollout)
    after = page.at(-1)?.serial
    if (page.length < PAGE) return
  }
}

/** Looks without a lock first: most rollouts stay where they are. */
async function advance(deps: ServiceDeps, rollout: Rollout): Promise<void> {
  const { storage, clock } = deps
  const room = await loadRoom(storage.read, rollout.serial)
  if (!room || stageVerdict(rollout, room, clock.now()).kind !== 'passed') return
  await storage.transaction(async (stores) => {
    await stores.rolloutTallies.lock(rollout.serial)
    const current = await stores.rollouts.find(rollout.serial)
    const counts = await loadRoom(stores, rollout.serial)
    if (current?.state !== 'running' || current.stage !== rollout.stage || !counts) return
    if (stageVerdict(current, counts, clock.now()).kind !== 'passed') return
    await beginStage(stores, deps, current, { stage: current.stage + 1, actor: SYSTEM })
  })
}

/** Asks the devices that are at work to stop; ends when none is left that was not asked. */
async function cancelUnderWay(deps: ServiceDeps, rollout: Rollout): Promise<void> {
  const { storage } = deps
  let after = 0
  let left = 0
  for (let done = 0; done < CANCELS; ) {
    const filter = { rollout: rollout.serial, states: ['open'] } as const
    const members = await storage.read.rolloutMembers.list(filter, { limit: PAGE, after })
    for (const member of members) {
      after = member.serial
      const update = member.update === null ? undefined : await storage.read.updates.find(member.update)
      if (!update || update.state === 'cancelling') continue
      left += 1
      done += 1
      await storage.transaction(async (stores) => {
        const current = await stores.updates.find(update.serial)
        const reason = 'the rollout was stopped'
        if (current) await moveUpdate(stores, deps, current, { trigger: 'cancel', actor: SYSTEM, reason })
      })
    }
    if (members.length < PAGE) break
  }
  if (left > 0) return
  await storage.transaction(async (stores) => {
    await stores.rolloutTallies.lock(rollout.serial)
    const current = await stores.rollouts.find(rollout.serial)
    // It may have gone on meanwhile, and be stopped again: then there is more to cancel.
    if (current?.revision === rollout.revision) await stores.rollouts.update(rollout.serial, { cancelling: false })
  })
}
