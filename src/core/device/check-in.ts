import type { CheckIn } from '../device-gateway.ts'
import { record } from '../event/record.ts'
import type { Stores } from '../ports.ts'
import type { Module } from '../product/product.ts'
import type { ServiceDeps } from '../service.ts'
import { provenBy, type RunningReport } from '../update/evidence.ts'
import { type Move, moveUpdate } from '../update/move-update.ts'
import { noteFallBack } from '../update/note-fall-back.ts'
import type { Update } from '../update/update.ts'
import { type DeviceFacts, deviceActor } from './device-facts.ts'

/** Longest version string that a device may report. */
export const VERSION_CHARS = 64

/**
 * Stores changed versions and attributes in one transaction, with events, and ends the open update when what the device
 * runs proves how it ended. Answers whether anything changed; an unchanged check-in writes nothing.
 */
export async function storeCheckIn(deps: ServiceDeps, facts: DeviceFacts, checkIn: CheckIn): Promise<boolean> {
  const said = versionsIn(facts, checkIn)
  const changed = said.filter((one) => !isKnown(facts, one))
  const attributes = changedAttributes(facts, checkIn.attributes ?? {})
  const isProof = facts.open && provenBy(facts.open, reportOf(facts, said, checkIn)) !== undefined
  if (changed.length === 0 && !attributes && !isProof) return false
  await deps.storage.transaction(async (stores) => {
    if (attributes) await stores.devices.update(facts.device.serial, { attributes })
    await storeVersions(stores, deps, facts, { said, changed, afterReboot: checkIn.afterReboot })
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
  const said = versionsIn(facts, { running })
  await storeVersions(stores, deps, facts, { said, changed: said.filter((one) => !isKnown(facts, one)) })
}

interface SaidVersion {
  readonly module: Module
  readonly version: string
}

interface Said {
  readonly said: readonly SaidVersion[]
  /** Those of them that are new. */
  readonly changed: readonly SaidVersion[]
  readonly afterReboot?: true | undefined
}

async function storeVersions(stores: Stores, deps: ServiceDeps, facts: DeviceFacts, what: Said): Promise<void> {
  const { said, changed, afterReboot } = what
  for (const version of changed) await storeVersion(stores, deps, facts, version)
  const running = await stores.running.listByDevice(facts.device.serial)
  await settle(stores, deps, facts, reportOf({ ...facts, running }, said, { afterReboot }))
  if (changed.length > 0) await noteFallBack(stores, deps, facts.device, reportOf(facts, changed, {}))
}

function versionsIn(facts: DeviceFacts, { running = {} }: CheckIn): SaidVersion[] {
  return Object.entries(running).flatMap(([key, version]) => {
    const module = facts.modules.find((one) => (key === '' ? one.isPrimary : one.key === key))
    return module && version.length > 0 && version.length <= VERSION_CHARS ? [{ module, version }] : []
  })
}

function isKnown({ running }: DeviceFacts, { module, version }: SaidVersion): boolean {
  return running.some((row) => row.module === module.serial && row.version === version)
}

function reportOf(
  { modules, running }: Pick<DeviceFacts, 'modules' | 'running'>,
  said: readonly SaidVersion[],
  { afterReboot = false }: { readonly afterReboot?: boolean | undefined },
): RunningReport {
  const named = said.map(({ module, version }) => ({ module: module.serial, version }))
  return { running, named, primary: modules.find((module) => module.isPrimary)?.serial, afterReboot }
}

function changedAttributes(facts: DeviceFacts, reported: Readonly<Record<string, string>>) {
  const isNew = Object.entries(reported).some(([name, value]) => facts.device.attributes[name] !== value)
  return isNew ? { ...facts.device.attributes, ...reported } : undefined
}

async function storeVersion(stores: Stores, deps: ServiceDeps, facts: DeviceFacts, to: SaidVersion): Promise<void> {
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

/** What runs is the proof: the open update ends when it shows that the device has arrived, or is back where it was. */
async function settle(stores: Stores, deps: ServiceDeps, facts: DeviceFacts, report: RunningReport): Promise<void> {
  const open = await stores.updates.findOpen(facts.device.serial)
  if (!open) return
  // A restart says nothing of an update that was opened only after it.
  const afterReboot = report.afterReboot && open.serial === facts.open?.serial
  const move = moveFor(provenBy(open, { ...report, afterReboot }), open)
  if (move) await moveUpdate(stores, deps, open, { ...move, actor: deviceActor(facts.device) })
}

function moveFor(proof: ReturnType<typeof provenBy>, { steps }: Update): Omit<Move, 'actor'> | undefined {
  switch (proof) {
    case 'succeed':
      return { trigger: 'succeed', progress: 100 }
    case 'roll-back': {
      const before = steps.filter(({ from, to }) => from !== to).map(({ from }) => from)
      return { trigger: 'roll-back', reason: `it runs ${before.join(', ')} again after its restart` }
    }
    case undefined:
      return undefined
  }
}
