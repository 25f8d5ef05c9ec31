/**
 * Writes the table of docs/health-gates.md that compares the whole engine with the gate alone, on the same seeds. The
 * engine's figures were kept by `GODWIT_FIGURES=DIR npm run soak` (and by test/conformance/blast-radius), all or a part
 * of it: `node scripts/engine-table.ts DIR`.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fleet, measure } from '../src/core/rollout/health/testing/scenarios.ts'
import { type Figures, RELEASES, type Release, rareReached } from '../test/support/blast-radius.ts'
import { goodOf, number, type Run, rareOf, reachOf } from './blast-radius-cells.ts'
import { replaceBetween } from './replace-between.ts'

const NAMES: Readonly<Record<Release, readonly [name: string, cell: (runs: readonly Run[]) => string]>> = {
  everywhere: ['fails on every device', reachOf],
  'a-fifth': ['fails on 20 %', reachOf],
  'five-percent': ['fails on 5 %', reachOf],
  'rare-revision': ['one revision of 2 % always fails: its devices', rareOf],
  good: ['good (1 %)', goodOf],
}

const folder = process.argv[2] ?? ''
const figures = readdirSync(folder).map((file) => JSON.parse(readFileSync(join(folder, file), 'utf8')) as Figures)

function engineRuns({ results }: Figures): Run[] {
  return results.map((result) => ({
    ...result,
    hoursTo95: result.hoursTo95 ?? Number.POSITIVE_INFINITY,
    stoppedCohorts: result.stoppedCohorts.map(({ cohort }) => cohort),
    reachedRare: rareReached(result),
  }))
}

/** The same seeds through the gate alone. */
function gateRuns({ devices, failures, release, results }: Figures): Run[] {
  const { failureRate } = RELEASES[release]
  const kinds = fleet(devices, failureRate, release === 'rare-revision' ? 1 : failureRate)
  return results.map(({ seed }) => measure({ kinds, failures, gate: 'sequential' }, seed))
}

function rowOf(set: Figures): string {
  const [name, cell] = NAMES[set.release]
  const cells = [name, set.failures, number(set.results.length), cell(gateRuns(set)), cell(engineRuns(set))]
  return `| ${cells.join(' | ')} |`
}

function tableOf(devices: number): string {
  const sets = Object.keys(NAMES).flatMap((release) =>
    ['reported', 'silent'].flatMap(
      (failures) =>
        figures.find((set) => set.devices === devices && set.release === release && set.failures === failures) ?? [],
    ),
  )
  const head = ['release', 'failures', 'seeds', 'the gate alone', 'through the engine']
  return [
    `${number(devices)} devices:`,
    '',
    `| ${head.join(' | ')} |`,
    `|${'---|'.repeat(head.length)}`,
    ...sets.map(rowOf),
  ].join('\n')
}

const sizes = [...new Set(figures.map(({ devices }) => devices))].sort((one, other) => one - other)
const path = new URL('../docs/health-gates.md', import.meta.url)
replaceBetween(path, 'engine', sizes.map(tableOf).join('\n\n'))
