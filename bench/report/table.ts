import type { Sample } from '../support/statistics.ts'
import { type Aim, judgedOf, type Line, missedBy, type Report, type RowResult, verdictOf } from './results.ts'

const HEAD = [
  '',
  'what',
  'Godwit',
  'against',
  'ratio',
  'aim',
  'spread',
  'CPU µs',
  'p50 ms',
  'p99 ms',
  'RSS MB',
] as const

/** The rows of a table in words; the first column says whether the aim is met. */
export function cellsOf(line: Line): string[] {
  const { baseline, ratio, aim, judged } = line
  return [
    verdictOf(line),
    line.what,
    `${number(line.ours.median)} ${line.unit}`,
    baseline ? `${number(baseline.value.median)} (${baseline.name})` : '',
    ratio ? ratio.median.toFixed(2) : '',
    aim ? aimText(aim, judged === 'ratio' ? 'ratio' : line.unit) : '',
    spreadText(judgedOf(line)),
    optional(line.cpuMicros, 1),
    optional(line.p50Ms, 2),
    optional(line.p99Ms, 2),
    optional(line.rssMb, 0),
  ]
}

/** One row as it is printed when it is done. */
export function printRow({ row, lines, skipped, failed }: RowResult): void {
  if (failed !== undefined) console.log(`FAILED  ${row}: ${failed}`)
  if (skipped !== undefined) {
    console.log(`SKIPPED ${row}: ${skipped}`)
    return
  }
  for (const line of lines) {
    const [verdict = '', ...cells] = cellsOf(line)
    const missed = missedBy(line)
    const shown = cells.flatMap((cell, index) =>
      cell === '' ? [] : [LABELS[index] ? `${LABELS[index]} ${cell}` : cell],
    )
    const by = missed === undefined ? '' : ` (by ${percent(missed)})`
    console.log(`${verdict.padEnd(4)}${by} ${shown.join(', ')}`)
  }
}

const LABELS = ['', '', 'against', 'ratio', 'aim', 'spread', 'CPU µs', 'p50 ms', 'p99 ms', 'RSS MB']

/** The whole table as Markdown. */
export function markdownTable(report: Report): string {
  const rows = report.rows.flatMap(({ row, lines, skipped }) =>
    skipped === undefined ? lines.map(cellsOf) : [['skipped', `${row}: ${skipped}`, ...HEAD.slice(2).map(() => '')]],
  )
  const ruled = [HEAD, HEAD.map((_, index) => (index < 2 ? '---' : '---:')), ...rows]
  return ruled.map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}

/** The table for a terminal. */
export function textTable(report: Report): string {
  const rows = [[...HEAD], ...report.rows.flatMap(({ lines }) => lines.map(cellsOf))]
  const widths = HEAD.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  const isText = (column: number) => column < 2
  return rows
    .map((row) =>
      row
        .map((cell, column) => (isText(column) ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

export function aimText(aim: Aim, unit: string): string {
  const [sign, value] = 'atLeast' in aim ? ['≥', aim.atLeast] : ['≤', aim.atMost]
  return `${sign} ${value.toLocaleString('en')}${unit === 'ratio' ? '' : ` ${unit}`}`
}

function spreadText({ spread, values }: Sample): string {
  return values.length > 1 ? percent(spread) : ''
}

export function percent(share: number): string {
  return `${(share * 100).toFixed(share < 0.1 ? 1 : 0)} %`
}

/** Three digits that count, with separators. */
export function number(value: number): string {
  const digits = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value) || 1)))
  return value.toLocaleString('en', { maximumFractionDigits: Math.min(digits, 3) })
}

function optional(value: number | undefined, digits: number): string {
  return value === undefined ? '' : value.toLocaleString('en', { maximumFractionDigits: digits })
}
