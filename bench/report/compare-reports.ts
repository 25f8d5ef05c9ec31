import { allLines, judgedOf, type Line, type Report } from './results.ts'
import { number, percent } from './table.ts'

/** Less than that is nothing, however steady the rounds were. */
const LEAST = 0.05

export interface Change {
  readonly row: string
  readonly line: Line
  readonly before: number
  readonly now: number
  /** Share of the value before; positive is more. */
  readonly by: number
  /** How much would still be noise. */
  readonly threshold: number
  readonly verdict: 'better' | 'worse' | 'same'
}

export interface Comparison {
  readonly changes: readonly Change[]
  /** In one of the reports alone. */
  readonly added: readonly string[]
  readonly gone: readonly string[]
}

/**
 * What an aim is about, line by line. A change counts when it is larger than half of both spreads together, and than
 * 5 %: two runs whose rounds overlap say nothing.
 */
export function compareReports(before: Report, now: Report): Comparison {
  const name = ({ row, line }: { row: string; line: Line }) => `${row}: ${line.what} / ${line.baseline?.name ?? ''}`
  const old = new Map(allLines(before).map((entry) => [name(entry), entry.line]))
  const fresh = allLines(now)
  const changes = fresh.flatMap((entry) => {
    const known = old.get(name(entry))
    return known ? [changeOf(entry.row, known, entry.line)] : []
  })
  const names = new Set(fresh.map(name))
  return {
    changes,
    added: [...names].filter((one) => !old.has(one)),
    gone: [...old.keys()].filter((one) => !names.has(one)),
  }
}

function changeOf(row: string, old: Line, line: Line): Change {
  const [before, now] = [judgedOf(old), judgedOf(line)]
  const by = now.median / before.median - 1
  const threshold = Math.max(LEAST, (before.spread + now.spread) / 2)
  return { row, line, before: before.median, now: now.median, by, threshold, verdict: verdictOf(line, by, threshold) }
}

const LESS_IS_BETTER = new Set(['ms', 'MB', 'CPU s/GB', 'p99 ms'])

function verdictOf(line: Line, by: number, threshold: number): Change['verdict'] {
  if (!(Math.abs(by) > threshold)) return 'same'
  return by > 0 === LESS_IS_BETTER.has(line.unit) ? 'worse' : 'better'
}

/** The comparison as text; what did not change is counted alone. */
export function printComparison({ changes, added, gone }: Comparison): void {
  const moved = changes.filter(({ verdict }) => verdict !== 'same')
  for (const { verdict, row, line, before, now, by, threshold } of moved) {
    const unit = line.judged === 'ratio' ? `of ${line.baseline?.name}` : line.unit
    const sign = by > 0 ? '+' : '−'
    console.log(
      `${verdict.padEnd(6)} ${row}: ${line.what}: ${number(before)} → ${number(now)} ${unit} (${sign}${percent(Math.abs(by))}, noise ${percent(threshold)})`,
    )
  }
  console.log(`${changes.length - moved.length} of ${changes.length} lines did not change beyond their noise.`)
  for (const name of added) console.log(`new    ${name}`)
  for (const name of gone) console.log(`gone   ${name}`)
}
