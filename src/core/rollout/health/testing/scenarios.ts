import { healthPolicy } from '../health-policy.ts'
import { blastRadius, type DeviceKind, type Gate, type Result, type Run } from './blast-radius.ts'
import { FixedPercentageGate } from './fixed-percentage-gate.ts'
import { SequentialGate } from './sequential-gate.ts'

/** The normal failure rate of a good release. */
export const NORMAL = 0.01
export const RARE = 'C'

/**
 * A fleet of three hardware revisions (60 %, 38 % and 2 %) from three versions (70 %, 25 %, 5 %) that fails at one rate,
 * but for the rarest revision if told so.
 */
export function fleet(devices: number, failureRate: number, rareRate = failureRate): DeviceKind[] {
  const revisions = [
    ['A', 0.6],
    ['B', 0.38],
    [RARE, 0.02],
  ] as const
  const versions = [
    ['1.4', 0.7],
    ['1.3', 0.25],
    ['1.2', 0.05],
  ] as const
  return revisions.flatMap(([hardwareRevision, share]) =>
    versions.map(([fromVersion, part]) => ({
      devices: Math.round(devices * share * part),
      failureRate: hardwareRevision === RARE ? rareRate : failureRate,
      hardwareRevision,
      fromVersion,
    })),
  )
}

export interface Measured extends Result {
  readonly stoppedCohorts: readonly string[]
  /** Devices of the rarest hardware revision that were reached. */
  readonly reachedRare: number
}

export interface Scenario {
  readonly kinds: readonly DeviceKind[]
  readonly failures: Run['failures']
  /** `sequential`, with the default policy, or the percentage at which the fixed stages stop. */
  readonly gate: 'sequential' | number
  readonly hours?: number
}

/** One run; the same seed gives the same luck to every gate. */
export function measure({ kinds, failures, gate, hours = 72 }: Scenario, seed: number): Measured {
  const policy = healthPolicy()
  const sequential = new SequentialGate(policy, kinds)
  const used: Gate = gate === 'sequential' ? sequential : new FixedPercentageGate(gate, kinds)
  const result = blastRadius({ seed, kinds, failures, hours, confirmSeconds: policy.confirmSeconds }, used)
  const reachedRare = result.reachedByKind.reduce(
    (sum, reached, index) => sum + (kinds[index]?.hardwareRevision === RARE ? reached : 0),
    0,
  )
  return { ...result, stoppedCohorts: sequential.stoppedCohorts(), reachedRare }
}

/** Seeds 1 to `count`. */
export function seeds(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index + 1)
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((left, right) => left - right)
  return sorted[(sorted.length - 1) >> 1] ?? Number.NaN
}
