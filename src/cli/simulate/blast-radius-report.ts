import type { Summary } from '../../simulator/virtual/summary.ts'
import type { VirtualResult } from '../../simulator/virtual/virtual-result.ts'
import { tableLines } from '../output/table.ts'

/** Reasons that are printed; the rest is in `--json` and in what is exported. */
const TOLD = 5

/** What a simulation has shown, for people. */
export function blastRadiusReport(words: string, summary: Summary, results: readonly VirtualResult[]): string[] {
  return [
    words,
    '',
    ...summaryLines(summary),
    ...cohortLines(results),
    '',
    ...tableLines(COLUMNS, results),
    ...whyLines(results),
  ]
}

function summaryLines(summary: Summary): string[] {
  const { seeds, stopped, spread } = summary
  const of = (count: number) => (seeds === 1 ? '' : ` in ${number(count)} of ${number(seeds)} seeds`)
  const reached =
    seeds === 1
      ? `${number(summary.medianReached)} devices`
      : `${number(summary.medianReached)} devices in the median, ${number(summary.mostReached)} at most`
  const median = seeds === 1 ? '' : ' in the median'
  return [
    `Blast radius: ${reached} were answered with the release.`,
    stopped === 0
      ? `It was not stopped${of(0).replace('in 0', 'in any')}.`
      : `It was stopped${of(stopped)}, after ${hours(summary.medianHoursToStop)}${median}.`,
    spread === 0
      ? '95 % of the fleet never settled.'
      : `95 % of the fleet had settled${of(spread)} after ${hours(summary.medianHoursTo95)}${median}${seeds === 1 ? '' : `, ${hours(summary.mostHoursTo95)} at most`}.`,
  ]
}

/** Cohorts that were excluded, with the number of seeds. */
function cohortLines(results: readonly VirtualResult[]): string[] {
  const all = results.flatMap(({ stoppedCohorts }) => stoppedCohorts)
  return [...Map.groupBy(all, ({ cohort }) => cohort)].map(([cohort, times]) => {
    const first = Math.min(...times.map((one) => one.hours))
    const seeds = results.length === 1 ? '' : ` in ${number(times.length)} of ${number(results.length)} seeds`
    return `Excluded${seeds}: ${cohort}, after ${hours(first)}${results.length === 1 ? '' : ' at the earliest'}.`
  })
}

const COLUMNS = [
  { title: 'seed', cell: (row: unknown) => (row as VirtualResult).seed },
  { title: 'reached', cell: (row: unknown) => number((row as VirtualResult).reached) },
  { title: 'answers', cell: (row: unknown) => number((row as VirtualResult).answers) },
  { title: 'failed', cell: (row: unknown) => number((row as VirtualResult).timeline.at(-1)?.failed ?? 0) },
  {
    title: 'stopped after',
    cell: (row: unknown) => ((row as VirtualResult).stopped ? hours((row as VirtualResult).hours) : '-'),
  },
  { title: '95 % after', cell: (row: unknown) => hours((row as VirtualResult).hoursTo95) },
]

function whyLines(results: readonly VirtualResult[]): string[] {
  const reasons = results.flatMap(({ seed, why, stoppedCohorts }) =>
    [why, ...stoppedCohorts.map((one) => one.why)].flatMap((words) => (words === null ? [] : `Seed ${seed}: ${words}`)),
  )
  const more = reasons.length > TOLD ? [`(${reasons.length - TOLD} more: --json or --export)`] : []
  return reasons.length === 0 ? [] : ['', ...reasons.slice(0, TOLD), ...more]
}

function number(value: number): string {
  return value.toLocaleString('en-US')
}

function hours(value: number | null): string {
  return value === null ? '-' : `${value.toFixed(1)} h`
}
