import type { Serial } from '../common.ts'
import type { NoneBecause, UpdateBecause } from '../decide/decision.ts'
import type { Firmware, FirmwareFile } from '../firmware/firmware.ts'
import type { FloorFile } from '../floor/floor-file.ts'
import type { RolloutName } from './because.ts'
import type { Versioned } from './guards/compare-versions.ts'
import { checkDowngrade } from './guards/downgrade.ts'
import { type NoPathBecause, nextStep, type PathFirmware, pathOf } from './guards/path.ts'
import type { Rollout } from './rollout.ts'
import type { Subject } from './subject.ts'

export type Way =
  | { readonly kind: 'direct' }
  | { readonly kind: 'floor'; readonly floor: FloorFile; readonly because: UpdateBecause }
  | { readonly kind: 'none'; readonly because: NoneBecause }

interface Asked {
  readonly name: RolloutName
  readonly version: string
  readonly files: readonly FirmwareFile[]
  readonly subject: Subject
}

/** Whether, and over which intermediate version, a device may go to what the rollout has for it. */
export function checkWay({ kind, options }: Pick<Rollout, 'kind' | 'options'>, of: Asked): Way {
  const { name, files, subject } = of
  const productForbids = subject.product?.downgrades === 'forbidden'
  for (const { firmware } of files) {
    const running = runningOf(subject, firmware.module)
    const policy = { allowDowngrade: options.allowDowngrade, productForbids }
    const verdict = checkDowngrade(running, firmware, policy)
    if (verdict.kind === 'ok') continue
    const { from, to, overridable } = verdict
    if (verdict.kind === 'incomparable') return refused({ kind: 'incomparable', rollout: name, from, to })
    return refused({ kind: 'downgrade', rollout: name, from, to, isForbidden: !overridable })
  }
  for (const { firmware } of files) {
    const way = wayOf(subject, firmware, kind === 'undo')
    if (way.kind === 'none') return way
    if (way.kind === 'floor') return unverifiedFloor(of) ?? towards(way, of.version)
  }
  return { kind: 'direct' }
}

/** A way is open only when firmware that must be verified before anybody ships it is verified, on all of it. */
function unverifiedFloor({ name, version, files, subject }: Asked): Way | undefined {
  const barred = floorsOnWay(subject, files).find(({ file }) => isVerificationPending(file))
  if (!barred) return undefined
  const { floor, file } = barred
  return refused({
    kind: 'floor-verification-pending',
    rollout: name,
    version,
    floor: file.firmware.version,
    reason: floor.reason,
  })
}

/** Whether firmware has to be tried on a few devices before it may be granted to any other. */
export function isVerificationPending({ firmware }: { firmware: Pick<Firmware, 'verification'> }): boolean {
  return firmware.verification.enabled && !firmware.verification.verified
}

/** The way of one module, over floors where the module has any. */
export function wayOf(subject: Subject, firmware: FirmwareFile['firmware'], ignoresFloors = false): Way {
  const module = firmware.module ?? primaryOf(subject)
  const floors = ignoresFloors ? [] : subject.floors.filter((one) => one.floor.module === module)
  if (floors.length === 0 && firmware.fromVersions === null) return { kind: 'direct' }
  const running = runningOf(subject, firmware.module)
  // Of a release that is installed in part, this part is there.
  if (running?.version === firmware.version) return { kind: 'direct' }
  const step = nextStep(running, pathFirmware(firmware), floors.map(pathFloor))
  switch (step.kind) {
    case 'direct':
      return step
    case 'no-path':
      return refused({
        kind: 'no-path',
        from: running?.version ?? null,
        to: firmware.version,
        needs: step.needs,
        ...('reason' in step.because && { reason: step.because.reason }),
        ...(!isOwn(step.because, running, firmware) && { barrier: step.because }),
      })
    case 'floor': {
      const floor = floors.find((one) => one.file.firmware.serial === step.floor.firmware)
      if (!floor) return { kind: 'direct' }
      const { version } = floor.file.firmware
      const because: UpdateBecause = { kind: 'floor', version, towards: firmware.version, reason: floor.floor.reason }
      return { kind: 'floor', floor, because }
    }
  }
}

/** Whether it is the target's own from-versions that the running version does not meet. */
function isOwn(because: NoPathBecause, running: Versioned | null, target: Versioned): boolean {
  const from = running?.version ?? null
  return because.kind === 'from-versions' && because.version === target.version && because.from === from
}

/** All intermediate versions that a device installs before these files, in order; none where there is no way. */
export function floorsOnWay(subject: Subject, files: readonly FirmwareFile[], ignoresFloors = false): FloorFile[] {
  if (ignoresFloors || subject.floors.length === 0) return []
  return files.flatMap(({ firmware }) => {
    const module = firmware.module ?? primaryOf(subject)
    const floors = subject.floors.filter((one) => one.floor.module === module)
    const path = pathOf(runningOf(subject, firmware.module), pathFirmware(firmware), floors.map(pathFloor))
    if (path.kind === 'no-path') return []
    return path.floors.flatMap((step) => floors.find((one) => one.file.firmware.serial === step.firmware) ?? [])
  })
}

function towards(way: Way & { kind: 'floor' }, version: string): Way {
  return way.because.kind === 'floor' ? { ...way, because: { ...way.because, towards: version } } : way
}

function refused(because: NoneBecause): Way {
  return { kind: 'none', because }
}

function primaryOf({ modules }: Pick<Subject, 'modules'>): Serial | undefined {
  return modules.find((module) => module.isPrimary)?.serial
}

/** What a module of the device runs; null = it never said. */
function runningOf(subject: Subject, firmwareModule: Serial | null): Versioned | null {
  const module = firmwareModule ?? primaryOf(subject)
  const row = subject.running.find((one) => one.module === module)
  return row ? { version: row.version, sequence: subject.sequences.get(row.module) ?? null } : null
}

function pathFirmware(firmware: FirmwareFile['firmware']): PathFirmware {
  const { serial, version, sequence, fromVersions } = firmware
  return { firmware: serial, version, sequence, fromVersions }
}

function pathFloor({ floor, file }: FloorFile) {
  return { ...pathFirmware(file.firmware), reason: floor.reason, withdrawn: file.firmware.withdrawn }
}
