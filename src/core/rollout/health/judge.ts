import { allowanceOf, grantLimit, UNLIMITED, unverifiableLimit } from './allowance.ts'
import { immature } from './counts.ts'
import { cohortEvidence, type Evidence, isConclusive, overallEvidence } from './evidence.ts'
import type { HealthPolicy } from './health-policy.ts'
import type { CohortState, HealthState } from './health-state.ts'

/**
 * The values that the counters of grants may reach for now. A grant to a verifiable device needs room in `overall` and
 * in each of its cohorts; one to a device that cannot be verified needs room in `unverifiable` alone. They hold until the
 * counts change, so that between two judgements a grant is one claim: `granted < limit`.
 */
export interface GrantLimits {
  readonly overall: number
  readonly unverifiable: number
  /** By cohort key; 0 for a stopped one. */
  readonly cohorts: ReadonlyMap<string, number>
  /** For a cohort that has not been met yet. */
  readonly newCohort: number
}

export type Verdict =
  /** There is room. */
  | { readonly kind: 'go'; readonly limits: GrantLimits }
  /** No room until devices mature. */
  | { readonly kind: 'hold'; readonly because: Immature; readonly limits: GrantLimits }
  /** Verifiable devices go on within the limits; the others wait for an operator. */
  | { readonly kind: 'approval'; readonly because: FewVerifiable; readonly limits: GrantLimits }
  /** Nothing more is granted, to anyone or to the cohort (its key); after a cohort's stop judge again with it stopped. */
  | { readonly kind: 'stop'; readonly scope: 'rollout' | { readonly cohort: string }; readonly evidence: Evidence }

export interface Immature {
  readonly kind: 'immature'
  /** Devices that hold the release and are not mature. */
  readonly holding: number
  /** How many may at once. */
  readonly allowance: number
}

export interface FewVerifiable {
  readonly kind: 'few-verifiable'
  readonly verifiable: number
  readonly unverifiable: number
  readonly minVerifiableShare: number
}

/**
 * What the evidence allows now. The rollout as a whole is judged before its cohorts: a release that is bad everywhere is
 * not stopped cohort by cohort. A stopped cohort's devices stay in the overall counts, which keeps the test of the
 * whole valid (leaving out what turned out bad would bend it) at the price of a few failures to outweigh.
 */
export function judge(policy: HealthPolicy, state: HealthState): Verdict {
  const overall = overallEvidence(policy, state)
  if (overall && isConclusive(overall)) return { kind: 'stop', scope: 'rollout', evidence: overall }
  for (const [cohort, cohortState] of state.cohorts) {
    const evidence = cohortState.stopped ? undefined : cohortEvidence(policy, cohortState)
    if (evidence && isConclusive(evidence)) return { kind: 'stop', scope: { cohort }, evidence }
  }
  const limits = grantLimits(policy, state)
  const because = fewVerifiable(policy, state, limits)
  if (because) return { kind: 'approval', because, limits }
  if (state.overall.granted < limits.overall) return { kind: 'go', limits }
  return { kind: 'hold', because: holdReason(policy, state), limits }
}

/** The limits alone, whatever the evidence says. */
export function grantLimits(policy: HealthPolicy, state: HealthState): GrantLimits {
  const allowance = policy.mode === 'off' ? 'unlimited' : policy.allowance
  const limited = allowance !== 'unlimited' && !state.approved
  return {
    overall: grantLimit(allowance, state.overall),
    unverifiable: limited ? unverifiableLimit(allowance.initial, state.overall, policy.minVerifiableShare) : UNLIMITED,
    cohorts: new Map([...state.cohorts].map(([key, cohort]) => [key, cohortLimit(policy, cohort)])),
    newCohort: allowance === 'unlimited' ? UNLIMITED : allowance.initial,
  }
}

/** The limit of one cohort; a cohort of a kind that the policy does not watch has none. */
export function cohortLimit(policy: HealthPolicy, cohort: CohortState): number {
  if (cohort.stopped) return 0
  if (policy.mode === 'off' || !policy.cohorts.includes(cohort.family)) return UNLIMITED
  return grantLimit(policy.allowance, cohort.counts)
}

/** Whether devices that cannot be verified would lack room even if every verifiable one under way turned out good. */
function fewVerifiable(policy: HealthPolicy, state: HealthState, limits: GrantLimits): FewVerifiable | undefined {
  const { overall, unverifiable } = state
  if (policy.allowance === 'unlimited' || unverifiable < limits.unverifiable) return undefined
  const atBest = { ...overall, settled: overall.granted, settledFailed: overall.failed }
  const { minVerifiableShare } = policy
  if (unverifiable < unverifiableLimit(policy.allowance.initial, atBest, minVerifiableShare)) return undefined
  return { kind: 'few-verifiable', verifiable: overall.granted, unverifiable, minVerifiableShare }
}

function holdReason(policy: HealthPolicy, { overall }: HealthState): Immature {
  const allowance = policy.allowance === 'unlimited' ? UNLIMITED : allowanceOf(policy.allowance, overall)
  return { kind: 'immature', holding: immature(overall), allowance }
}
