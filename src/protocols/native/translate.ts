import { hash } from 'node:crypto'
import type { Hold } from '../../core/decide/decision.ts'
import type { DeviceFacts } from '../../core/device/device-facts.ts'
import type { NamedReport, ReportResult, StepReport } from '../../core/device-gateway.ts'
import type { FirmwareFile } from '../../core/firmware/firmware.ts'
import type { Update, UpdateState } from '../../core/update/update.ts'
import type { NativeConfig } from './config.ts'
import { MAIN } from './names.ts'
import type { CheckBody, Report } from './schema.ts'
import type { Live, Standing } from './standing.ts'

export interface WireModule {
  readonly module: string
  readonly version: string
  readonly size: number
  readonly sha256: string
  readonly url: string
  readonly signature?: string
  readonly notes?: string
}

export interface WireUpdate {
  readonly id: string
  readonly attempt: number
  readonly version: string
  readonly modules: readonly WireModule[]
}

/** The answer to a check, but for `retryAfter`. [native 3.2] */
export interface WireAnswer {
  readonly action: 'none' | 'update' | 'cancel'
  readonly because: string
  readonly detail?: string
  readonly update?: WireUpdate
}

export interface Telling {
  readonly facts: DeviceFacts
  readonly baseUrl: string
  readonly capabilities: readonly string[]
}

export function toAnswer(standing: Standing, telling: Telling): WireAnswer {
  switch (standing.kind) {
    case 'none':
      return { action: 'none', because: standing.because.kind, detail: standing.words }
    case 'cancel':
      return {
        action: 'cancel',
        because: standing.because,
        detail: standing.words,
        update: { ...idOf(standing.update), version: telling.facts.openVersion ?? '', modules: [] },
      }
    case 'update':
      return {
        action: 'update',
        because: standing.because,
        update: { ...idOf(standing.update), version: standing.version, modules: modulesOf(standing, telling) },
      }
  }
}

function idOf({ id, attempt }: Update) {
  return { id, attempt }
}

/** What is left to do: a module that runs its target already is not named again. */
function modulesOf({ files }: Live, telling: Telling): WireModule[] {
  const left = files.filter((file) => !runs(telling.facts, file))
  return (left.length > 0 ? left : files).map((file) => moduleOf(file, telling))
}

function moduleOf({ firmware, artifact }: FirmwareFile, { facts, baseUrl, capabilities }: Telling): WireModule {
  return {
    module: moduleRow(facts, firmware.module)?.key ?? MAIN,
    version: firmware.version,
    size: artifact.size,
    sha256: artifact.sha256,
    url: `${baseUrl}/device/v1/artifacts/${artifact.sha256}`,
    ...(firmware.signature !== null && { signature: firmware.signature }),
    ...(firmware.notes !== '' && capabilities.includes('notes') && { notes: firmware.notes }),
  }
}

function moduleRow({ modules }: DeviceFacts, serial: number | null) {
  return modules.find((one) => (serial === null ? one.isPrimary : one.serial === serial))
}

function runs(facts: DeviceFacts, { firmware }: FirmwareFile): boolean {
  const module = moduleRow(facts, firmware.module)?.serial
  return facts.running.some((row) => row.module === module && row.version === firmware.version)
}

/** Changes with whatever the device would do differently; not with words or times. [native 3.5] */
export function etagOf({ action, because, update }: WireAnswer): string {
  const modules = update?.modules.map(({ notes: _, ...module }) => module)
  const facts = update ? [action, update.id, modules] : [action, because]
  return `"${hash('sha256', JSON.stringify(facts)).slice(0, 32)}"`
}

/** What the device says of battery and connection, as far as it holds new offers back. [native 3.4] */
export function holdOf(hints: Pick<CheckBody, 'battery' | 'metered'>, config: NativeConfig): Hold | undefined {
  if (hints.battery !== undefined && hints.battery < config.lowBatteryPercent) return 'low-battery'
  return hints.metered === true && config.holdMetered ? 'metered' : undefined
}

/** A report in domain words. [native 5.2] */
export function toNamedReport(report: Report): NamedReport {
  return {
    name: report.id,
    update: report.update,
    steps: stepsOf(report),
    ...(report.running && { running: report.running }),
    ...(report.at !== undefined && { at: report.at * 1000 }),
  }
}

function stepsOf({ state, progress, reason }: Report): StepReport[] {
  const why = reason === undefined ? {} : { reason }
  switch (state) {
    case 'downloading':
      return [{ trigger: 'download', progress: progress ?? 0, ...why }]
    case 'downloaded':
      return [{ trigger: 'downloaded', progress: 100, ...why }]
    case 'installing':
      return [{ trigger: 'install', progress: progress ?? 0, ...why }]
    case 'succeeded':
      // [native 5.3] A claim of success is no success: only what runs is.
      return [{ trigger: 'install', progress: 100 }]
    case 'failed':
      return [{ trigger: 'fail', ...why }]
    case 'rolled-back':
      return [{ trigger: 'install' }, { trigger: 'roll-back', ...why }]
    case 'cancelled':
      return [{ trigger: 'acknowledge-cancel', ...why }]
  }
}

export interface WireResult {
  readonly id: string | null
  readonly result: 'accepted' | 'duplicate' | 'ignored'
  /** Of the update, afterwards. */
  readonly state?: UpdateState
  readonly why?: 'not-running' | 'no-such-update' | 'closed' | 'late' | 'invalid'
  readonly detail?: string
}

/** What became of a report, in wire words. [native 5.2] */
export function toWireResult({ id, state }: Report, result: ReportResult): WireResult {
  if (result.kind === 'duplicate') return { id, result: 'duplicate' }
  if (result.kind === 'ignored' && result.because === 'no-such-update')
    return { id, result: 'ignored', why: result.because }
  if (state === 'succeeded' && result.state === 'installing')
    return { id, result: 'accepted', state: result.state, why: 'not-running' }
  if (result.kind === 'ignored') return { id, result: 'ignored', state: result.state, why: result.because }
  return { id, result: 'accepted', state: result.state }
}
