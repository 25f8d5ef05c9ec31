import type { Serial } from '../common.ts'
import { SYSTEM } from '../event/event.ts'
import type { ServiceDeps } from '../service.ts'
import { beginStage } from './begin-stage.ts'
import { cancelUnderWay } from './cancel-under-way.ts'
import { purgeDeleted } from './purge-deleted.ts'
import type { Rollout } from './rollout.ts'
import { loadRoom } from './room.ts'
import { settleMembers } from './settle.ts'
import { takeSnapshot } from './snapshot.ts'
import { stageVerdict } from './stage-verdict.ts'

/** Rollouts read at once, and how often in one turn. */
const PAGE = 200
const PAGES = 5
/** Rounds of settling in one turn; what is left waits for the next. */
const ROUNDS = 50
/** Batches of one snapshot in one turn. */
const BATCHES = 5
/** Batches of cancelling in one turn. */
const CANCELS = 3
/** Batches of removing in one turn. */
const PURGES = 20

/**
 * What rollouts do by themselves: settle devices whose time is over, go to the next stage, go on with snapshots, with
 * cancelling and with removing deleted ones. Any number of processes may do it at once.
 */
export async function tendRollouts(deps: ServiceDeps, round: StageRound = { after: 0 }): Promise<void> {
  for (let round = 0; round < ROUNDS && (await settleMembers(deps)) > 0; round++);
  await advanceStages(deps, round)
  for (const rollout of await deps.storage.read.rollouts.listAtWork(PAGE)) {
    if (rollout.snapshot.kind === 'taking') await takeSnapshot(deps, rollout.serial, BATCHES)
    if (rollout.cancelling) await cancelUnderWay(deps, rollout, { batches: CANCELS })
  }
  await purgeDeleted(deps, PURGES)
}

/** Where the round through the running rollouts is; a fresh one begins with the first. */
export interface StageRound {
  after: Serial
}

/** Looks at so many of them, and in the next turn at the next ones. */
async function advanceStages(deps: ServiceDeps, round: StageRound): Promise<void> {
  for (let pages = 0; pages < PAGES; pages++) {
    const slice = { limit: PAGE, after: round.after }
    const page = await deps.storage.read.rollouts.listInStates(['running'], slice)
    for (const rollout of page) if (rollout.stage + 1 < rollout.stages.length) await advance(deps, rollout)
    const isEnd = page.length < PAGE
    round.after = isEnd ? 0 : (page.at(-1)?.serial ?? 0)
    if (isEnd) return
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
