/**
 * Measures the health gate against fixed percentages and writes the tables of docs/health-gates.md. Takes about half an
 * hour for a fleet of a million; every number comes from the seeds 1, 2, 3... and is the same on each run.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import {
  fleet,
  type Measured,
  measure,
  median,
  NORMAL,
  type Scenario,
  seeds,
} from '../src/core/rollout/health/testing/scenarios.ts'

const GATES = [
  ['Godwit', 'sequential'],
  ['stages, 2 %', 2],
  ['stages, 5 %', 5],
] as const satisfies readonly (readonly [string, Scenario['gate']])[]

const number = (value: number): string => value.toLocaleString('en-US')
const most = (values: readonly number[]): number => Math.max(...values)
const hours = (value: number): string => (Number.isFinite(value) ? `${value.toFixed(1)} h` : 'never')

/** One cell of a bad release: how far it came, and what became of it. */
function reachOf(results: readonly Measured[]): string {
  const reached = results.map((result) => result.reached)
  const stopped = results.filter((result) => result.stopped)
  const when = stopped.length === 0 ? '' : `, ${hours(median(stopped.map((result) => result.hours)))}`
  return `${number(median(reached))} / ${number(most(reached))} (${share(stopped.length, results.length)}${when})`
}

function rareOf(results: readonly Measured[]): string {
  const reached = results.map((result) => result.reachedRare)
  const wentOn = results.filter((result) => !result.stopped).length
  return `${number(median(reached))} / ${number(most(reached))} (rollout went on ${share(wentOn, results.length)})`
}

function goodOf(results: readonly Measured[]): string {
  const wrong = results.filter((result) => result.stopped || result.stoppedCohorts.length > 0).length
  const times = results.filter((result) => !result.stopped).map((result) => result.hoursTo95)
  const spread = times.length === 0 ? 'never' : `${hours(median(times))} / ${hours(most(times))}`
  return `${share(wrong, results.length)} wrongly stopped; 95 % after ${spread}`
}

const share = (count: number, all: number): string => `${Number(((100 * count) / all).toFixed(1))} %`

function table(devices: number, count: number): string {
  const releases = [
    ['fails on every device', fleet(devices, 1), reachOf],
    ['fails on 20 %', fleet(devices, 0.2), reachOf],
    ['fails on 5 %', fleet(devices, 0.05), reachOf],
    ['one revision of 2 % always fails: its devices', fleet(devices, NORMAL, 1), rareOf],
    ['good (1 %)', fleet(devices, NORMAL), goodOf],
  ] as const
  const rows = releases.flatMap(([name, kinds, cell]) =>
    (['reported', 'silent'] as const).map((failures) => {
      const cells = GATES.map(([, gate]) => cell(seeds(count).map((seed) => measure({ kinds, failures, gate }, seed))))
      return `| ${[name, failures, ...cells].join(' | ')} |`
    }),
  )
  const head = ['release', 'failures', ...GATES.map(([name]) => name)]
  const lines = [`| ${head.join(' | ')} |`, `|${'---|'.repeat(head.length)}`, ...rows]
  return [`${number(devices)} devices, ${count} seeds:`, '', ...lines].join('\n')
}

const path = new URL('../docs/health-gates.md', import.meta.url)
const [before, after] = ['<!-- measured -->', '<!-- /measured -->']
const tables = [table(5000, 20), table(1_000_000, 200)].join('\n\n')
const text = readFileSync(path, 'utf8')
const [start, end] = [text.indexOf(before) + before.length, text.indexOf(after)]
writeFileSync(path, `${text.slice(0, start)}\n${tables}\n${text.slice(end)}`)
