import type { Outcomes } from '../../core/rollout/tally.ts'

/** A cohort that the gate excluded. */
export interface StoppedCohort {
  readonly cohort: string
  /** The gate's own words. */
  readonly why: string
  /** Virtual hours after the start; null when it was excluded together with the stop of the whole. */
  readonly hours: number
}

/** How far the rollout had come at a moment. */
export interface Moment {
  readonly hours: number
  readonly reached: number
  readonly settled: number
  readonly failed: number
}

/** What one rollout did to one fleet in virtual time. */
export interface VirtualResult {
  readonly seed: number
  readonly devices: number
  /** The blast radius: devices that were answered with the release. */
  readonly reached: number
  readonly reachedByKind: readonly number[]
  /** Devices that took a place of the health gate, in each run: another one begins with each resume. */
  readonly trials: readonly number[]
  /** Answers with the release, further tries included. */
  readonly answers: number
  readonly stopped: boolean
  /** Why it was stopped, in the gate's words. */
  readonly why: string | null
  readonly stoppedCohorts: readonly StoppedCohort[]
  /** What became of the devices that were reached. */
  readonly outcomes: Outcomes
  /** Virtual hours until the stop, or until nothing was left to happen. */
  readonly hours: number
  /** Virtual hours until 95 % of the fleet had settled; null if never. */
  readonly hoursTo95: number | null
  readonly timeline: readonly Moment[]
}
