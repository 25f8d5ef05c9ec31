import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DEFAULT_FAILURES } from '../../src/simulator/virtual/fate.ts'
import { type FleetMix, fleetKinds, RARE } from '../../src/simulator/virtual/fleet-kinds.ts'
import { runSeeds } from '../../src/simulator/virtual/run-seeds.ts'
import type { VirtualResult } from '../../src/simulator/virtual/virtual-result.ts'
import type { VirtualRun } from '../../src/simulator/virtual/virtual-rollout.ts'

/** The failure rate of a good release. */
export const NORMAL = 0.01

export type Failures = 'reported' | 'silent'

/** Releases that the health gate has to tell apart. */
export const RELEASES = {
  everywhere: { failureRate: 1 },
  'a-fifth': { failureRate: 0.2 },
  'five-percent': { failureRate: 0.05 },
  'rare-revision': { failureRate: NORMAL, rare: { failureRate: 1 } },
  good: { failureRate: NORMAL },
} as const satisfies Readonly<Record<string, Pick<FleetMix, 'failureRate' | 'rare'>>>

export type Release = keyof typeof RELEASES

export interface FleetRuns {
  readonly devices: number
  readonly seeds: number
  readonly failures: Failures
  /** As of `VirtualRun`; nothing is kept of such runs for the tables. */
  readonly further?: Pick<VirtualRun, 'floor' | 'resumes'>
}

/** Rollouts with Godwit's defaults, through the whole engine in virtual time; the seeds 1, 2, 3... */
export async function runFleets(
  { devices, seeds, failures, further }: FleetRuns,
  release: Release,
): Promise<VirtualResult[]> {
  const results = await runSeeds(
    {
      kinds: fleetKinds({ devices, ...RELEASES[release] }),
      failures: { ...DEFAULT_FAILURES, silentShare: failures === 'silent' ? 1 : 0 },
      ...further,
    },
    Array.from({ length: seeds }, (_, index) => index + 1),
  )
  if (!further) keepFigures({ devices, failures, release, results })
  return results
}

/** Devices of the rarest hardware revision that were reached. */
export function rareReached({ reachedByKind, devices }: Pick<VirtualResult, 'reachedByKind' | 'devices'>): number {
  const kinds = fleetKinds({ devices, failureRate: 0 })
  return reachedByKind.reduce((sum, count, index) => sum + (kinds[index]?.hardwareRevision === RARE ? count : 0), 0)
}

/** What is kept of a set of runs, for `scripts/engine-table.ts`. */
export interface Figures {
  readonly devices: number
  readonly failures: Failures
  readonly release: Release
  readonly results: readonly Omit<VirtualResult, 'timeline'>[]
}

/** Into the folder that `GODWIT_FIGURES` names, if it names one. */
function keepFigures(figures: Figures): void {
  const folder = process.env['GODWIT_FIGURES']
  if (folder === undefined) return
  mkdirSync(folder, { recursive: true })
  const results = figures.results.map((result) => ({ ...result, timeline: undefined }))
  const name = `${figures.devices}-${figures.release}-${figures.failures}.json`
  writeFileSync(join(folder, name), JSON.stringify({ ...figures, results }))
}
