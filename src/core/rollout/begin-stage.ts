import { OtaError } from '../errors.ts'
import type { Actor } from '../event/event.ts'
import { record } from '../event/record.ts'
import type { Clock, Ids, Stores } from '../ports.ts'
import type { Rollout } from './rollout.ts'

/** Goes to a stage, which begins at once or waits for its approval. Inside a transaction that holds the rollout's lock. */
export async function beginStage(
  stores: Stores,
  by: { clock: Clock; ids: Ids },
  rollout: Rollout,
  { stage, actor, isApproved = false }: { stage: number; actor: Actor; isApproved?: boolean },
): Promise<Rollout> {
  const approvals = rollout.stages[stage]?.approvals ?? 0
  const waits = approvals > 0 && !isApproved
  const begun = await stores.rollouts.update(rollout.serial, {
    stage,
    stageStartedAt: waits ? null : by.clock.now(),
  })
  if (!begun) throw new OtaError('internal', 'The rollout was deleted meanwhile')
  const shared = {
    organisation: rollout.organisation,
    actor,
    subject: { kind: 'rollout', id: rollout.id },
  }
  const facts = { key: rollout.key, stage: stage + 1 }
  if (waits) await record(stores, by, { ...shared, type: 'rollout.approval-needed', details: { ...facts, approvals } })
  else
    await record(stores, by, {
      ...shared,
      type: 'rollout.stage-started',
      details: { ...facts, of: rollout.stages.length },
    })
  return begun
}
