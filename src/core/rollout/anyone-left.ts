import type { Serial } from '../common.ts'
import type { Device } from '../device/device.ts'
import type { FirmwareFile } from '../firmware/firmware.ts'
import type { Stores } from '../ports.ts'
import type { Module } from '../product/product.ts'
import type { ServiceDeps } from '../service.ts'
import { devicesNamed } from './devices-named.ts'
import { loadFiles } from './load-candidates.ts'
import type { MemberState, RolloutMember } from './member.ts'
import { retryAt } from './retry-at.ts'
import type { Rollout } from './rollout.ts'
import { isReached } from './stage-of.ts'
import { runsAll } from './subject.ts'

/** Members, or devices, looked at in one read. */
const BATCH = 500

/** States after which a device may be granted something, soonest those that tell most. */
const UNDONE = [
  ['open', 'waiting', 'superseded'],
  ['failed', 'rolled-back'],
] as const satisfies ReadonlyArray<readonly MemberState[]>

interface Looking {
  readonly deps: ServiceDeps
  readonly rollout: Rollout
  readonly files: readonly FirmwareFile[]
  readonly modules: readonly Module[]
}

/**
 * Whether a device of a rollout for a list of devices, which is at its last stage, may still be granted something or has
 * yet to confirm. Ends at the first one; those that succeeded are not read.
 */
export async function isAnyoneLeft(deps: ServiceDeps, rollout: Rollout): Promise<boolean> {
  const { management } = deps.storage
  const { rolloutMembers } = management
  const hasGate = rollout.health.mode !== 'off'
  if (hasGate && (await rolloutMembers.listDue(rollout.serial, Number.MAX_SAFE_INTEGER, 1)).length > 0) return true
  const release = await management.releases.find(rollout.release)
  const files = release && (await loadFiles(management, release))
  if (!files) return true
  const looking = { deps, rollout, files, modules: await management.modules.listByProduct(rollout.product) }
  for (const states of UNDONE) if (await isMemberLeft(looking, states)) return true
  return rollout.membership === 'dynamic' && (await isStrangerLeft(looking))
}

async function isMemberLeft(looking: Looking, states: readonly MemberState[]): Promise<boolean> {
  const { deps, rollout } = looking
  const { management } = deps.storage
  for (let after = 0; ; ) {
    const filter = { rollout: rollout.serial, states, isExcluded: false }
    const members = await management.rolloutMembers.list(filter, { limit: BATCH, after })
    const undone = members.filter((member) => isUndone(looking, member)).map(({ device }) => device)
    const { organisation, product } = rollout
    const filtered = { organisation, product, serials: undone }
    const devices = undone.length === 0 ? [] : await management.devices.list(filtered, { limit: BATCH })
    if (await isDeviceLeft(looking, devices)) return true
    after = members.at(-1)?.serial ?? after
    if (members.length < BATCH) return false
  }
}

function isUndone({ deps, rollout }: Looking, member: RolloutMember): boolean {
  if (member.state !== 'failed' && member.state !== 'rolled-back') return true
  return retryAt(rollout.options.retry, member, deps.limits) !== undefined
}

/** Devices that it names and that have had nothing to do with it yet. */
async function isStrangerLeft(looking: Looking): Promise<boolean> {
  const { deps, rollout } = looking
  const { management } = deps.storage
  const names = devicesNamed(rollout.selection.filter) ?? []
  for (let from = 0; from < names.length; from += BATCH) {
    const some = names.slice(from, from + BATCH)
    const devices = await management.devices.listNamed({
      organisation: rollout.organisation,
      keys: some.flatMap((name) => ('key' in name ? [name.key] : [])),
      ids: some.flatMap((name) => ('id' in name ? [name.id] : [])),
      serials: [],
    })
    const mine = devices.filter(({ product }) => product === null || product === rollout.product)
    const members = await management.rolloutMembers.listByDevices(rollout.serial, serialsOf(mine))
    const known = new Set(members.map(({ device }) => device))
    const strangers = mine.filter(({ serial }) => !known.has(serial))
    if (await isDeviceLeft(looking, strangers)) return true
  }
  return false
}

/** Whether one of them does not run the release and the stages take it in. */
async function isDeviceLeft(looking: Looking, devices: readonly Device[]): Promise<boolean> {
  if (devices.length === 0) return false
  const { deps, rollout, files, modules } = looking
  const { management } = deps.storage
  const rows = await management.running.listByDevices(serialsOf(devices))
  const running = Map.groupBy(rows, ({ device }) => device)
  for (const { serial, id, group } of devices) {
    if (runsAll({ modules, running: running.get(serial) ?? [] }, files)) continue
    if (isReached(rollout, { id, group: await groupKey(management, group) })) return true
  }
  return false
}

async function groupKey(stores: Stores, group: Serial | null): Promise<string | null> {
  return group === null ? null : ((await stores.groups.find(group))?.key ?? null)
}

function serialsOf(devices: readonly Device[]): Serial[] {
  return devices.map(({ serial }) => serial)
}
