import type { Actor } from '../event/event.ts'
import { record } from '../event/record.ts'
import type { Clock, Ids, Stores } from '../ports.ts'
import type { Rollout, StopCause } from './rollout.ts'
import { WHOLE } from './tally.ts'

/** Cancelling begins, with the first of its members. */
export const CANCELLING = { cancelling: true, cancelAfter: 0 } as const

export interface Stopping {
  readonly actor: Actor
  readonly cause: StopCause
  /** Updates that devices are at work on are cancelled too; those not begun always are. */
  readonly cancel?: boolean
}

/** Stops a rollout inside a transaction that holds its lock: from its commit on nothing more is granted. */
export async function stopRollout(
  stores: Stores,
  by: { clock: Clock; ids: Ids },
  rollout: Rollout,
  { actor, cause, cancel = false }: Stopping,
): Promise<void> {
  const now = by.clock.now()
  await stores.rolloutTallies.setLimits(rollout.serial, WHOLE, { isActive: false })
  await stores.rollouts.update(rollout.serial, {
    state: 'stopped',
    endedAt: now,
    stop: cause,
    ...(cancel && CANCELLING),
  })
  await record(stores, by, {
    organisation: rollout.organisation,
    type: 'rollout.stopped',
    actor,
    subject: { kind: 'rollout', id: rollout.id },
    details: {
      key: rollout.key,
      stage: rollout.stage + 1,
      by: cause.kind,
      words: cause.kind === 'gate' ? cause.words : cause.reason,
      ...(cause.kind === 'gate' && { evidence: { ...cause.evidence } }),
      cancel,
    },
  })
}
