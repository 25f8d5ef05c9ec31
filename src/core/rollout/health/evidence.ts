import { type Counts, type Observed, observe, type View } from './counts.ts'
import { logEvidence } from './e-process.ts'
import { cohortShare, overallShare, runShare } from './error-budget.ts'
import type { HealthPolicy, Thresholds } from './health-policy.ts'
import type { CohortName, CohortState, HealthState } from './health-state.ts'

/** The numbers behind a verdict, enough to put it into words and to check it by hand. */
export type Evidence = SequentialEvidence | ThresholdEvidence

interface Seen {
  readonly view: View
  readonly observed: Observed
  /** Of the failures, those that were silence. */
  readonly silent: number
  /** Of the failures, those at an intermediate version, by it; only of a stop, and only where there were any. */
  readonly floors?: ReadonlyArray<{ readonly version: string; readonly failed: number }>
  /** T, in seconds. */
  readonly confirmSeconds: number
  /** The cohort that it is about; absent for the rollout as a whole. */
  readonly cohort?: CohortName
}

export interface SequentialEvidence extends Seen {
  readonly kind: 'sequential'
  readonly acceptableFailureRate: number
  /** Natural logarithm of the e-value. */
  readonly logEvidence: number
  /** The natural logarithm at which it stops: of 1 over the share of the error budget. */
  readonly logLimit: number
}

export interface ThresholdEvidence extends Seen {
  readonly kind: 'threshold'
  readonly rule: Thresholds
}

/** Whether the evidence is enough to stop. */
export function isConclusive(evidence: Evidence): boolean {
  return evidence.kind === 'sequential' ? evidence.logEvidence >= evidence.logLimit : passes(evidence)
}

function passes({ rule, observed }: ThresholdEvidence): boolean {
  if (rule.failures !== undefined && observed.failed >= rule.failures) return true
  if (rule.percent === undefined || observed.devices < rule.minMatured) return false
  return observed.failed * 100 > rule.percent * observed.devices
}

/** The evidence so far about the rollout as a whole; nothing when the gate is off. */
export function overallEvidence(policy: HealthPolicy, state: HealthState): Evidence | undefined {
  return weigh(policy, state.overall, { share: overallShare(policy.cohorts.length) * runShare(state.resumes) })
}

/** The evidence so far about one cohort; nothing when the gate is off or does not watch cohorts of its kind. */
export function cohortEvidence(policy: HealthPolicy, cohort: CohortState): Evidence | undefined {
  if (!policy.cohorts.includes(cohort.family)) return undefined
  const share = cohortShare(policy.cohorts.length, cohort.order) * runShare(cohort.resumes)
  return weigh(policy, cohort.counts, { share, cohort: { family: cohort.family, value: cohort.value } })
}

interface Weighing {
  /** The part of the error budget. */
  readonly share: number
  readonly cohort?: CohortName
}

/** The stronger of both views. */
function weigh(policy: HealthPolicy, counts: Counts, { share, cohort }: Weighing): Evidence | undefined {
  const { mode, acceptableFailureRate, confirmSeconds } = policy
  if (mode === 'off') return undefined
  const evidenceOf = (view: View): Evidence => {
    const observed = observe(counts, view)
    const seen = { view, observed, silent: counts.silent, confirmSeconds, ...(cohort ? { cohort } : {}) }
    if (mode !== 'sequential') return { kind: 'threshold', rule: mode, ...seen }
    return {
      kind: 'sequential',
      ...seen,
      acceptableFailureRate,
      logEvidence: logEvidence(observed, acceptableFailureRate),
      logLimit: -Math.log(policy.errorBudget * share),
    }
  }
  const settled = evidenceOf('settled')
  const granted = evidenceOf('granted')
  if (settled.kind === 'sequential' && granted.kind === 'sequential')
    return settled.logEvidence >= granted.logEvidence ? settled : granted
  return isConclusive(settled) || !isConclusive(granted) ? settled : granted
}
