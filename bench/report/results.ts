import { type Sample, sampleOf } from '../support/statistics.ts'

/** At least or at most so much. */
export type Aim = { readonly atLeast: number } | { readonly atMost: number }

/** One line of the table. */
export interface Line {
  readonly what: string
  readonly unit: string
  readonly ours: Sample
  /** Measured in the same run, in turns. */
  readonly baseline?: { readonly name: string; readonly value: Sample }
  /** What the aim is about: Godwit's own figure, or its ratio to the baseline. */
  readonly judged: 'ours' | 'ratio'
  readonly ratio?: Sample
  readonly aim?: Aim
  /** Processor time of the server for one operation, µs. */
  readonly cpuMicros?: number
  readonly p50Ms?: number
  readonly p99Ms?: number
  /** Of the server after it, MB of 2^20 bytes. */
  readonly rssMb?: number
}

export interface RowResult {
  readonly row: string
  readonly lines: readonly Line[]
  /** Why it was not measured: this machine lacks something. */
  readonly skipped?: string
  /** Why it could not be measured. */
  readonly failed?: string
}

/** A whole run, as it is kept. */
export interface Report {
  readonly format: 1
  readonly date: string
  readonly commit: string
  readonly machine: Machine
  readonly options: {
    readonly devices: number
    readonly rounds: number
    readonly seconds: number
    readonly isWhole: boolean
  }
  readonly tookSeconds: number
  readonly rows: readonly RowResult[]
}

export interface Machine {
  readonly processor: string
  readonly cores: number
  readonly memoryGb: number
  readonly system: string
  readonly node: string
  readonly postgres: string
  readonly nginx: string
  /** Load of the last minute before the run; a busy machine measures its other guests. */
  readonly loadBefore: number
}

export function verdictOf({ aim, judged, ours, ratio }: Line): 'ok' | 'MISS' | '' {
  if (!aim) return ''
  const value = judged === 'ratio' ? (ratio?.median ?? Number.NaN) : ours.median
  return ('atLeast' in aim ? value >= aim.atLeast : value <= aim.atMost) ? 'ok' : 'MISS'
}

/** By how much an aim was missed, as a share of it; undefined where there is none or it was met. */
export function missedBy(line: Line): number | undefined {
  if (verdictOf(line) !== 'MISS' || !line.aim) return undefined
  const value = judgedOf(line).median
  const aim = 'atLeast' in line.aim ? line.aim.atLeast : line.aim.atMost
  return Math.abs(value - aim) / aim
}

export function judgedOf(line: Line): Sample {
  return line.judged === 'ratio' ? (line.ratio ?? sampleOf([])) : line.ours
}

export function allLines(report: Report): { readonly row: string; readonly line: Line }[] {
  return report.rows.flatMap(({ row, lines }) => lines.map((line) => ({ row, line })))
}
