import type { Counts } from './counts.ts'

export interface CohortName {
  /** The kind: an attribute's name, or `from-version`. */
  readonly family: string
  readonly value: string
}

/** One cohort: the devices with one value of one attribute, or that came from one version. */
export interface CohortState extends CohortName {
  /** The how-many-th value of its kind that this rollout met, from 1; never changes, never shared by two values. */
  readonly order: number
  /** Excluded from the rollout by an earlier stop. */
  readonly stopped: boolean
  /** How often its counts were begun again, with those of the rollout or alone. */
  readonly resumes: number
  readonly counts: Counts
}

/** All that a health gate knows about a rollout. */
export interface HealthState {
  /** Every verifiable device of this run, those of stopped cohorts included. */
  readonly overall: Counts
  /**
   * How often the rollout was resumed after a stop. A resume begins every count again from 0, over the devices granted
   * from then on, and leaves a smaller share of the error budget. A pause is no stop: counts go on.
   */
  readonly resumes: number
  /** Devices granted that cannot be verified. */
  readonly unverifiable: number
  /** Somebody approved of going on without evidence. */
  readonly approved: boolean
  /** By {@link cohortKey}. */
  readonly cohorts: ReadonlyMap<string, CohortState>
}

/** The name of a cohort, unique within a rollout. */
export function cohortKey({ family, value }: CohortName): string {
  return `${family}=${value}`
}
