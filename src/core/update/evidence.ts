import type { Serial } from '../common.ts'
import type { ModuleStep, Update } from './update.ts'

/** The version of a module. */
export interface ModuleVersion {
  readonly module: Serial
  readonly version: string
}

/** What a device says that it runs, beside what is known of it. */
export interface RunningReport {
  /** What all modules run, by what is known now. */
  readonly running: readonly ModuleVersion[]
  /** What the device named just now. */
  readonly named: readonly ModuleVersion[]
  /** The primary module of its product; steps without a module mean this one. */
  readonly primary: Serial | undefined
  /** The device has started anew since it began to install. */
  readonly afterReboot: boolean
}

/**
 * What the versions that a device runs prove of its open update. Success: every module runs its target. Rolled back: it
 * was installing, has started anew, and every module that was to change runs what it ran before. Anything in between
 * proves nothing, as a device may install its modules one by one; nor does a report that names no module of the update.
 */
export function provenBy(
  update: Pick<Update, 'state' | 'steps'>,
  report: RunningReport,
): 'succeed' | 'roll-back' | undefined {
  const { steps, state } = update
  if (!steps.some((step) => versionOf(step, report.named, report.primary) !== undefined)) return undefined
  const runs = (step: ModuleStep) => versionOf(step, report.running, report.primary)
  if (steps.every((step) => runs(step) === step.to)) return 'succeed'
  if (state !== 'installing' || !report.afterReboot) return undefined
  const changing = steps.filter((step) => step.from !== step.to)
  return changing.length > 0 && changing.every((step) => runs(step) === step.from) ? 'roll-back' : undefined
}

/** The steps of an ended update of which the device says that it runs again what it ran before them. */
export function undoneSteps(
  { steps }: Pick<Update, 'steps'>,
  { named, primary }: Pick<RunningReport, 'named' | 'primary'>,
): readonly ModuleStep[] {
  return steps.filter((step) => step.from !== step.to && step.from === versionOf(step, named, primary))
}

/** Whether one of the versions that a device names is what an update brings. */
export function aimsAtAny(
  { steps }: Pick<Update, 'steps'>,
  { named, primary }: Pick<RunningReport, 'named' | 'primary'>,
): boolean {
  return steps.some((step) => step.to === versionOf(step, named, primary))
}

function versionOf(
  { module }: ModuleStep,
  versions: readonly ModuleVersion[],
  primary: Serial | undefined,
): string | undefined {
  return versions.find((one) => one.module === (module ?? primary))?.version
}
