import type { Serial } from '../common.ts'
import { SYSTEM } from '../event/event.ts'
import type { FirmwareFile } from '../firmware/firmware.ts'
import type { Module } from '../product/product.ts'
import type { ServiceDeps } from '../service.ts'
import { beginStage } from './begin-stage.ts'
import { loadFiles } from './load-candidates.ts'
import type { RolloutMember } from './member.ts'
import type { Rollout } from './rollout.ts'
import { loadRoom, type Room } from './room.ts'
import { isReached } from './stage-of.ts'
import { stageVerdict } from './stage-verdict.ts'
import { runsAll } from './subject.ts'
import { isBetweenSteps } from './trial.ts'

/** Devices looked at in one read. */
const BATCH = 1_000
/** Rollouts read at once. */
const PAGE = 200

/**
 * Goes on from stages that wait for evidence which cannot come: no device that they reach is left to be granted or to
 * mature (ten percent of five devices may be none). Looks through the fleet, up to the first device that is left; for a
 * job of minutes. Several processes may do it at once.
 */
export async function passExhaustedStages(deps: ServiceDeps): Promise<void> {
  let after = 0
  for (;;) {
    const page = await deps.storage.read.rollouts.listInStates(['running'], { limit: PAGE, after })
    for (const rollout of page) {
      const room = await loadRoom(deps.storage.read, rollout.serial)
      if (room && mayBeExhausted(rollout, room, deps.clock.now()) && !(await isAnyLeft(deps, rollout)))
        await pass(deps, rollout)
    }
    after = page.at(-1)?.serial ?? after
    if (page.length < PAGE) return
  }
}

/** Whether the stage waits for nothing but more devices, with those that matured good enough. */
function mayBeExhausted(rollout: Rollout, room: Room, now: number): boolean {
  const isLast = rollout.stage + 1 >= rollout.stages.length
  const stage = rollout.stages[rollout.stage]
  if (isLast || !stage || rollout.kind === 'undo' || rollout.snapshot.kind === 'taking') return false
  if (stageVerdict(rollout, room, now).kind !== 'evidence') return false
  const asked = { ...rollout, stages: rollout.stages.map((one) => ({ ...one, minMatured: 1 })) }
  const verdict = stageVerdict(asked, room, now)
  return verdict.kind === 'passed' || (verdict.kind === 'evidence' && verdict.matured === 0)
}

/** Whether the stage reaches a device that neither runs the release nor is done with it. */
async function isAnyLeft(deps: ServiceDeps, rollout: Rollout): Promise<boolean> {
  const { management } = deps.storage
  const release = await management.releases.find(rollout.release)
  const files = release && (await loadFiles(management, release))
  if (!files) return true
  const modules = await management.modules.listByProduct(rollout.product)
  const groups = new Map<Serial, string>()
  const { organisation, product, selection } = rollout
  for (let after = 0; ; ) {
    const filter = { organisation, product, status: 'active', where: selection.filter } as const
    const found = await management.devices.listFacts(filter, { limit: BATCH, after })
    const members = await management.rolloutMembers.listByDevices(
      rollout.serial,
      found.map(({ device }) => device.serial),
    )
    const byDevice = new Map(members.map((member) => [member.device, member]))
    for (const one of found) {
      const group = await groupKey(deps, groups, one.device.group)
      if (!isReached(rollout, { id: one.device.id, group })) continue
      if (isLeft(rollout, { ...one, member: byDevice.get(one.device.serial) }, { files, modules })) return true
    }
    after = found.at(-1)?.device.serial ?? after
    if (found.length < BATCH) return false
  }
}

type Found = Awaited<ReturnType<ServiceDeps['storage']['management']['devices']['listFacts']>>[number]

function isLeft(
  { membership, selection }: Rollout,
  { running, member }: Found & { readonly member: RolloutMember | undefined },
  target: { readonly files: readonly FirmwareFile[]; readonly modules: readonly Module[] },
): boolean {
  if (selection.reportingOnly && running.length === 0) return false
  if (membership === 'snapshot' && !member) return false
  if (member?.excludedAt != null || (member?.isSettled && !isBetweenSteps(member))) return false
  if (member && member.state !== 'waiting') return true
  return !runsAll({ modules: target.modules, running }, target.files)
}

async function groupKey(deps: ServiceDeps, known: Map<Serial, string>, group: Serial | null): Promise<string | null> {
  if (group === null) return null
  const key = known.get(group) ?? (await deps.storage.management.groups.find(group))?.key
  if (key !== undefined) known.set(group, key)
  return key ?? null
}

async function pass(deps: ServiceDeps, rollout: Rollout): Promise<void> {
  await deps.storage.transaction(async (stores) => {
    await stores.rolloutTallies.lock(rollout.serial)
    const current = await stores.rollouts.find(rollout.serial)
    const room = await loadRoom(stores, rollout.serial)
    if (current?.state !== 'running' || current.stage !== rollout.stage || !room) return
    if (!mayBeExhausted(current, room, deps.clock.now())) return
    await beginStage(stores, deps, current, { stage: current.stage + 1, actor: SYSTEM })
  })
}
