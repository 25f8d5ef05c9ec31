import { DEFAULT_FAILURES } from '../../src/simulator/virtual/fate.ts'
import { type FleetMix, fleetKinds, RARE } from '../../src/simulator/virtual/fleet-kinds.ts'
import { runSeeds } from '../../src/simulator/virtual/run-seeds.ts'
import type { VirtualResult } from '../../src/simulator/virtual/virtual-result.ts'

/** The failure rate of a good release. */
export const NORMAL = 0.01

export interface FleetRuns {
  readonly devices: number
  readonly seeds: number
  readonly failures: 'reported' | 'silent'
}

/** Rollouts with Godwit's defaults, through the whole engine in virtual time; the seeds 1, 2, 3... */
export function runFleets(
  { devices, seeds, failures }: FleetRuns,
  release: Pick<FleetMix, 'failureRate' | 'rare'>,
): Promise<VirtualResult[]> {
  return runSeeds(
    {
      kinds: fleetKinds({ devices, ...release }),
      failures: { ...DEFAULT_FAILURES, silentShare: failures === 'silent' ? 1 : 0 },
    },
    Array.from({ length: seeds }, (_, index) => index + 1),
  )
}

/** Devices of the rarest hardware revision that were reached. */
export function rareReached({ reachedByKind }: VirtualResult, devices: number): number {
  const kinds = fleetKinds({ devices, failureRate: 0 })
  return reachedByKind.reduce((sum, count, index) => sum + (kinds[index]?.hardwareRevision === RARE ? count : 0), 0)
}
