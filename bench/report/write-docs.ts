import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { allLines, missedBy, type Report, verdictOf } from './results.ts'
import { sizingTables } from './sizing.ts'
import { markdownTable, percent } from './table.ts'

const PAGE = fileURLToPath(new URL('../../docs/performance.md', import.meta.url))
const SIZING = fileURLToPath(new URL('../../docs/sizing.md', import.meta.url))
const FIGURES = fileURLToPath(new URL('../../docs/performance.json', import.meta.url))
const BEGIN = '<!-- bench: begin -->'
const END = '<!-- bench: end -->'

/** Why a report is not fit for the documentation; undefined when it is. */
export function whyNotForDocs({ options }: Report): string | undefined {
  if (!options.isWhole) return 'it is not of all rows'
  if (options.devices < 1_000_000) return `it is of ${options.devices} devices, not of 1,000,000`
  if (options.rounds < 5) return `it is of ${options.rounds} rounds, not of 5`
  if (options.seconds < 3) return `its rounds took ${options.seconds} s, not 3`
  return undefined
}

/** Puts a report into `docs/performance.md` and `docs/sizing.md`, between their marks, and as JSON beside them. */
export function writeDocs(report: Report): void {
  writeFileSync(PAGE, withFigures(readFileSync(PAGE, 'utf8'), report))
  writeFileSync(SIZING, between(readFileSync(SIZING, 'utf8'), sizingTables(report)))
  writeFileSync(FIGURES, `${JSON.stringify(report, null, 2)}\n`)
}

/** The page with the block between its marks made anew. Throws when it has no marks. */
export function withFigures(page: string, report: Report): string {
  return between(page, figures(report))
}

function between(page: string, text: string): string {
  const [from, to] = [page.indexOf(BEGIN), page.indexOf(END)]
  if (from < 0 || to < from) throw new Error('the page has no marks for the figures')
  return `${page.slice(0, from + BEGIN.length)}\n\n${text}\n\n${page.slice(to)}`
}

function figures(report: Report): string {
  const { machine, options } = report
  const missed = allLines(report).filter(({ line }) => verdictOf(line) === 'MISS')
  const list = missed.map(({ line }) => `- ${line.what}: missed by ${percent(missedBy(line) ?? 0)}`)
  return [
    `Measured ${report.date.slice(0, 10)} at ${report.commit} in ${Math.round(report.tookSeconds)} s: ${options.devices.toLocaleString('en')} registered devices, median of ${options.rounds} rounds of ${options.seconds} s.`,
    `Machine: ${machine.processor}, ${machine.cores} cores, ${machine.memoryGb} GB; ${machine.system}; Node.js ${machine.node}, PostgreSQL ${machine.postgres}, nginx ${machine.nginx}. Load before the run: ${machine.loadBefore}.`,
    markdownTable(report),
    missed.length === 0 ? 'No aim is missed.' : `Missed:\n\n${list.join('\n')}`,
  ].join('\n\n')
}
