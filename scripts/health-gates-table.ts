/**
 * Measures the health gate against fixed percentages and writes the tables of docs/health-gates.md. Takes about half an
 * hour for a fleet of a million; every number comes from the seeds 1, 2, 3... and is the same on each run.
 */
import { fleet, measure, NORMAL, type Scenario, seeds } from '../src/core/rollout/health/testing/scenarios.ts'
import { goodOf, number, rareOf, reachOf } from './blast-radius-cells.ts'
import { replaceBetween } from './replace-between.ts'

const GATES = [
  ['Godwit', 'sequential'],
  ['stages, 2 %', 2],
  ['stages, 5 %', 5],
] as const satisfies readonly (readonly [string, Scenario['gate']])[]

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

const tables = [table(5000, 20), table(1_000_000, 200)].join('\n\n')
replaceBetween(new URL('../docs/health-gates.md', import.meta.url), 'measured', tables)
