import { grantLimit } from '../allowance.ts'
import { type Counts, NO_COUNTS } from '../counts.ts'
import { FROM_VERSION, type HealthPolicy } from '../health-policy.ts'
import { type CohortState, cohortKey, type HealthState } from '../health-state.ts'
import { cohortLimit, judge, type Verdict } from '../judge.ts'
import type { DeviceKind, Gate, Outcome } from './blast-radius.ts'

type Changing<T> = { -readonly [Key in keyof T]: T[Key] }
type Cohort = Changing<CohortState> & { counts: Changing<Counts>; limit: number }

/** The gate under test, kept as the rollout engine keeps it: counters, limits, and a judgement after every failure. */
export class SequentialGate implements Gate {
  readonly #policy: HealthPolicy
  readonly #overall: Changing<Counts> = { ...NO_COUNTS }
  readonly #cohorts = new Map<string, Cohort>()
  readonly #cohortsOf: Cohort[][]
  /** All counts that a device of each kind adds to. */
  readonly #countsOf: Changing<Counts>[][]
  #limit: number
  #verdict: Verdict | undefined

  constructor(policy: HealthPolicy, kinds: readonly DeviceKind[]) {
    this.#policy = policy
    this.#limit = grantLimit(policy.allowance, this.#overall)
    this.#cohortsOf = kinds.map((kind) => [
      this.#cohort('hardwareRevision', kind.hardwareRevision),
      this.#cohort(FROM_VERSION, kind.fromVersion),
    ])
    this.#countsOf = this.#cohortsOf.map((cohorts) => [this.#overall, ...cohorts.map((cohort) => cohort.counts)])
  }

  mayGrant(kind: number): boolean {
    if (this.#overall.granted >= this.#limit) return false
    for (const cohort of this.#cohortsOf[kind] ?? []) if (cohort.counts.granted >= cohort.limit) return false
    return true
  }

  granted(kind: number): void {
    for (const counts of this.#countsOf[kind] ?? []) counts.granted++
  }

  failedEarly(kind: number): void {
    for (const counts of this.#countsOf[kind] ?? []) counts.failed++
    this.#changed(kind)
    this.#judge()
  }

  settled(kind: number, outcome: Outcome): void {
    for (const counts of this.#countsOf[kind] ?? []) {
      counts.settled++
      if (outcome === 'good') continue
      counts.settledFailed++
      if (outcome === 'failed-early') continue
      counts.failed++
      counts.silent++
    }
    this.#changed(kind)
    if (outcome !== 'good') this.#judge()
  }

  isStopped(): boolean {
    return this.#verdict?.kind === 'stop'
  }

  /** The verdict after the last failure. */
  verdict(): Verdict | undefined {
    return this.#verdict
  }

  /** Keys of the cohorts that were excluded. */
  stoppedCohorts(): string[] {
    return [...this.#cohorts].filter(([, cohort]) => cohort.stopped).map(([key]) => key)
  }

  /** Cohorts are numbered by their place in the fleet: as good as any order in which they may be met. */
  #cohort(family: string, value: string): Cohort {
    const key = cohortKey({ family, value })
    const known = this.#cohorts.get(key)
    if (known) return known
    const order = [...this.#cohorts.values()].filter((cohort) => cohort.family === family).length + 1
    const state = { family, value, order, stopped: false, resumes: 0, counts: { ...NO_COUNTS } }
    const cohort = { ...state, limit: cohortLimit(this.#policy, state) }
    this.#cohorts.set(key, cohort)
    return cohort
  }

  #changed(kind: number): void {
    this.#limit = grantLimit(this.#policy.allowance, this.#overall)
    for (const cohort of this.#cohortsOf[kind] ?? []) cohort.limit = cohortLimit(this.#policy, cohort)
  }

  #judge(): void {
    const state: HealthState = {
      overall: this.#overall,
      resumes: 0,
      unverifiable: 0,
      approved: false,
      cohorts: this.#cohorts,
    }
    this.#verdict = judge(this.#policy, state)
    while (this.#verdict.kind === 'stop' && this.#verdict.scope !== 'rollout') {
      const cohort = this.#cohorts.get(this.#verdict.scope.cohort)
      if (cohort) Object.assign(cohort, { stopped: true, limit: 0 })
      this.#verdict = judge(this.#policy, state)
    }
  }
}
