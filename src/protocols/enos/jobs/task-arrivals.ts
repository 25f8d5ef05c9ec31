import type { Core } from '../../../core/create-core.ts'
import type { DeviceFacts } from '../../../core/device/device-facts.ts'
import { noteArrival } from '../../../core/rollout/arrival.ts'
import type { RolloutCandidate } from '../../../core/rollout/candidate.ts'
import { mismatch } from '../../../core/rollout/load-candidates.ts'
import type { Rollout } from '../../../core/rollout/rollout.ts'
import { jobOf } from './job-facts.ts'

/** Jobs of a product that were not started yet, which a device is looked for in. */
const DRAFTS = 100

/**
 * [enos 4] `init` becomes `succeeded` when the device runs the target by itself. `before`: what was known of it when it
 * said so; costs nothing while its version is the same.
 */
export async function noteArrivals(core: Core, before: DeviceFacts, version: string): Promise<void> {
  const primary = before.modules.find((module) => module.isPrimary)?.serial
  if (before.running.find((row) => row.module === primary)?.version === version) return
  const isAimed = (rollout: Rollout) =>
    jobOf(rollout)?.facts.version === version && rollout.serial !== before.open?.rollout
  const rollouts = [
    ...before.rollouts.filter(isMeant).map((candidate) => candidate.rollout),
    ...(await drafts(core, before)),
  ].filter(isAimed)
  for (const rollout of rollouts)
    await core.deps.storage.transaction((stores) => noteArrival(stores, core.deps, rollout, before.device))
}

function isMeant({ selected, target }: RolloutCandidate): boolean {
  return selected.is && target.kind === 'files'
}

/** Those that a device meets only once they are started. */
async function drafts(core: Core, facts: DeviceFacts): Promise<Rollout[]> {
  if (!facts.product) return []
  const { rollouts, rolloutMembers } = core.deps.storage.read
  const filter = { organisation: facts.organisation.serial, product: facts.product.serial, states: ['draft'] } as const
  const found = await rollouts.list(filter, { limit: DRAFTS, order: 'desc' })
  const snapshots = found.filter(({ membership }) => membership === 'snapshot').map(({ serial }) => serial)
  const members = new Set((await rolloutMembers.listByDevice(facts.device.serial, snapshots)).map((one) => one.rollout))
  return found.filter((rollout) =>
    rollout.membership === 'snapshot' ? members.has(rollout.serial) : mismatch(rollout, facts) === undefined,
  )
}
