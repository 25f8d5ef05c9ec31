import type { CheckIn } from '../device-gateway.ts'
import { record } from '../event/record.ts'
import type { Stores } from '../ports.ts'
import type { Module } from '../product/product.ts'
import type { ServiceDeps } from '../service.ts'
import { moveUpdate } from '../update/move-update.ts'
import type { Update } from '../update/update.ts'
import { type DeviceFacts, deviceActor } from './device-facts.ts'

/** Longest version string that a device may report. */
export const VERSION_CHARS = 64

/**
 * Stores changed versions and attributes in one transaction, with events, and ends the open update when the device runs
 * what it aims at. Answers whether anything changed; an unchanged check-in writes nothing.
 */
export async function storeCheckIn(deps: ServiceDeps, facts: DeviceFacts, checkIn: CheckIn): Promise<boolean> {
  const versions = changedVersions(facts, checkIn.running ?? {})
  const attributes = changedAttributes(facts, checkIn.attributes ?? {})
  const open = facts.open
  if (versions.length === 0 && !attributes && !(open && reached(open, facts, checkIn))) return false
  await deps.storage.transaction(async (stores) => {
    for (const { module, version } of versions) await storeVersion(stores, deps, facts, { module, version })
    if (attributes) await stores.devices.update(facts.device.serial, { attributes })
    await settle(stores, deps, facts)
  })
  return true
}

/** Stores what a device says that it runs inside a transaction of the caller's, and ends the update that it proves. */
export async function storeRunning(
  stores: Stores,
  deps: ServiceDeps,
  facts: DeviceFacts,
  running: Readonly<Record<string, string>>,
): Promise<void> {
  for (const version of changedVersions(facts, running)) await storeVersion(stores, deps, facts, version)
  await settle(stores, deps, facts)
}

interface ModuleVersion {
  readonly module: Module
  readonly version: string
}

function changedVersions(facts: DeviceFacts, running: Readonly<Record<string, string>>): ModuleVersion[] {
  const changed: ModuleVersion[] = []
  for (const [key, version] of Object.entries(running)) {
    const module = facts.modules.find((one) => (key === '' ? one.isPrimary : one.key === key))
    if (!module || version.length === 0 || version.length > VERSION_CHARS) continue
    const known = facts.running.find((row) => row.module === module.serial)
    if (known?.version !== version) changed.push({ module, version })
  }
  return changed
}

function changedAttributes(facts: DeviceFacts, reported: Readonly<Record<string, string>>) {
  const isNew = Object.entries(reported).some(([name, value]) => facts.device.attributes[name] !== value)
  return isNew ? { ...facts.device.attributes, ...reported } : undefined
}

/** Whether a repeated report proves an update that was opened after the version was first reported. */
function reached(open: Update, facts: DeviceFacts, checkIn: CheckIn): boolean {
  const primary = facts.modules.find((module) => module.isPrimary)
  return open.steps.every((step) => {
    const module = facts.modules.find((one) => one.serial === (step.module ?? primary?.serial))
    return module && checkIn.running?.[module.isPrimary && '' in checkIn.running ? '' : module.key] === step.to
  })
}

async function storeVersion(stores: Stores, deps: ServiceDeps, facts: DeviceFacts, to: ModuleVersion): Promise<void> {
  const { device } = facts
  const row = await stores.running.put({
    device: device.serial,
    module: to.module.serial,
    version: to.version,
    reportedAt: deps.clock.now(),
  })
  await record(stores, deps, {
    organisation: device.organisation,
    type: 'device.version-reported',
    actor: deviceActor(device),
    subject: { kind: 'device', id: device.id },
    details: { module: to.module.key, before: row.previousVersion, after: row.version },
  })
}

/** Success is what the device runs: the open update ends when every module runs its target. */
async function settle(stores: Stores, deps: ServiceDeps, facts: DeviceFacts): Promise<void> {
  const open = await stores.updates.findOpen(facts.device.serial)
  if (!open) return
  const running = await stores.running.listByDevice(facts.device.serial)
  const primary = facts.modules.find((module) => module.isPrimary)?.serial
  const arrived = open.steps.every((step) =>
    running.some((row) => row.module === (step.module ?? primary) && row.version === step.to),
  )
  if (arrived)
    await moveUpdate(stores, deps, open, { trigger: 'succeed', actor: deviceActor(facts.device), progress: 100 })
}
