import type { Serial } from '../common.ts'
import type { Device, RunningVersion } from '../device/device.ts'
import type { FirmwareFile } from '../firmware/firmware.ts'
import type { FloorFile } from '../floor/floor-file.ts'
import type { Module, Product } from '../product/product.ts'
import type { ModuleStep, Update } from '../update/update.ts'

/** What is known of the device that a rollout is considered for. */
export interface Subject {
  readonly device: Device
  /** Key of its group; null = none. */
  readonly groupKey: string | null
  readonly product?: Product
  readonly modules: readonly Module[]
  readonly running: readonly RunningVersion[]
  /** Explicit sequences of the versions that it runs, by module, where somebody gave them. */
  readonly sequences: ReadonlyMap<Serial, number>
  readonly floors: readonly FloorFile[]
  /** Its newest updates, newest first. */
  readonly recent: readonly Update[]
}

/** Whether every module runs what it is to run. */
export function runsAll(
  { modules, running }: Pick<Subject, 'modules' | 'running'>,
  files: readonly FirmwareFile[],
): boolean {
  return files.every((file) => runsFile({ modules, running }, file))
}

/** What a module runs that is neither what these steps brought nor what they replaced; undefined when there is none. */
export function movedOn(
  { modules, running }: Pick<Subject, 'modules' | 'running'>,
  steps: readonly ModuleStep[],
): string | undefined {
  const primary = modules.find((one) => one.isPrimary)?.serial
  for (const step of steps) {
    const runs = running.find((row) => row.module === (step.module ?? primary))?.version
    if (runs !== undefined && runs !== step.to && runs !== step.from) return runs
  }
  return undefined
}

/** Whether the file's module runs it. */
export function runsFile(
  { modules, running }: Pick<Subject, 'modules' | 'running'>,
  { firmware }: FirmwareFile,
): boolean {
  const module = firmware.module ?? modules.find((one) => one.isPrimary)?.serial
  return running.some((row) => row.module === module && row.version === firmware.version)
}
