import type { Millis } from '../../common.ts'
import type { HealthPolicy } from '../health/health-policy.ts'
import type { Stage } from '../rollout.ts'
import type { Ages } from './ages.ts'

/** How long an update is taken to hold its slot, seconds, where a stage limits how many are under way at once. */
export const SLOT_SECONDS = 900

export interface ForecastInput {
  /** From the current one on, each with the devices that it would update. */
  readonly stages: ReadonlyArray<{ readonly stage: Stage; readonly devices: number }>
  readonly ages: Pick<Ages, 'shareWithin' | 'quantile'>
  readonly health: HealthPolicy
  /** The share of the devices that can be verified, 0 to 1. */
  readonly verifiableShare: number
  readonly now: Millis
  /** Of the rollout's windows. */
  readonly timeZone: string
  /** Of a rollout under way: for how long the current stage has run, and the devices that hold the release already. */
  readonly underWay?: {
    readonly elapsedSeconds: number
    /** Granted and settled; those that are not settled yet are taken to settle in half of T. */
    readonly granted: number
    readonly settled: number
    readonly settledInStage: number
    readonly unverifiable: number
    readonly isApproved: boolean
  }
}

/** What a rollout spends its time on. */
export type Brake = 'check-ins' | 'health-gate' | 'rate' | 'slots' | 'window' | 'stages'
