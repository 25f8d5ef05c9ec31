import type { Serial } from '../common.ts'
import type { Stores } from '../ports.ts'
import { recordFor, type Scope, type ServiceDeps } from '../service.ts'
import { WHOLE } from './tally.ts'

/**
 * Devices of a rollout wait again: one that had finished by itself goes on, any other one stays in its state. Inside a
 * transaction that holds its lock; it is another revision then, so that nobody finishes it by what was seen before.
 */
export async function reopenComplete(stores: Stores, deps: ServiceDeps, scope: Scope, serial: Serial): Promise<void> {
  const rollout = await stores.rollouts.find(serial)
  if (!rollout) return
  if (!rollout.isComplete) {
    await stores.rollouts.update(serial, { isComplete: false })
    return
  }
  await stores.rolloutTallies.setLimits(serial, WHOLE, { isActive: true })
  await stores.rollouts.update(serial, { state: 'running', endedAt: null, isComplete: false })
  await recordFor(stores, deps, scope, {
    type: 'rollout.resumed',
    subject: { kind: 'rollout', id: rollout.id },
    details: { key: rollout.key, from: 'finished', run: rollout.run, cohorts: [] },
  })
}
