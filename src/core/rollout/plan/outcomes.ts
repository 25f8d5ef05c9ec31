import type { NoneBecause } from '../../decide/decision.ts'

/** What a plan foresees for a device of the product; each device is in exactly one. */
export const PLAN_OUTCOMES = [
  'will-update',
  'no-stage',
  'under-way',
  'up-to-date',
  'not-selected',
  'assigned',
  'disabled',
  'chooses-itself',
  'busy',
  'outranked',
  'no-path',
  'unknown-version',
  'floor-unverified',
  'downgrade',
  'incomparable',
  'retry-later',
  'penalty-box',
  'gave-up',
  'done-before',
  'called-off',
  'excluded',
  'cohort-stopped',
  'withdrawn',
  'previous-unknown',
  'previous-missing',
] as const
export type PlanOutcome = (typeof PLAN_OUTCOMES)[number]

/** Something for each outcome. */
export function eachOutcome<T>(of: (outcome: PlanOutcome) => T): Record<PlanOutcome, T> {
  const all: Partial<Record<PlanOutcome, T>> = {}
  for (const outcome of PLAN_OUTCOMES) all[outcome] = of(outcome)
  return all as Record<PlanOutcome, T>
}

/** Each outcome in a few words, for lists. */
export const OUTCOME_WORDS: Readonly<Record<PlanOutcome, string>> = {
  'will-update': 'will be updated',
  'no-stage': 'left out: no stage is for them',
  'under-way': 'are being updated by it',
  'up-to-date': 'run it already',
  'not-selected': 'not selected',
  assigned: 'pinned by an assignment',
  disabled: 'disabled',
  'chooses-itself': 'choose from the catalogue by themselves',
  busy: 'busy with another update',
  outranked: 'kept by another rollout',
  'no-path': 'no way there from what they run',
  'unknown-version': 'no way: what they run is not known',
  'floor-unverified': 'a version on their way is not verified',
  downgrade: 'would be a downgrade',
  incomparable: 'versions cannot be compared',
  'retry-later': 'to be tried again later',
  'penalty-box': 'in the penalty box',
  'gave-up': 'failed too often',
  'done-before': 'updated by it before',
  'called-off': 'cancelled by an operator',
  excluded: 'taken out by an operator',
  'cohort-stopped': 'excluded by the health gate',
  withdrawn: 'refused: withdrawn',
  'previous-unknown': 'former version not known',
  'previous-missing': 'former firmware gone or withdrawn',
}

/** What a refusal of the planned rollout means for its plan. Stages, windows and limits of the moment never occur in one. */
const BY_REFUSAL = {
  'not-selected': 'not-selected',
  'snapshot-being-taken': 'not-selected',
  'up-to-date': 'up-to-date',
  disabled: 'disabled',
  busy: 'busy',
  'nothing-assigned': 'not-selected',
  frozen: 'busy',
  'held-back': 'busy',
  'other-product': 'assigned',
  withdrawn: 'withdrawn',
  'no-path': 'no-path',
  downgrade: 'downgrade',
  incomparable: 'incomparable',
  'retry-later': 'retry-later',
  'penalty-box': 'penalty-box',
  'gave-up': 'gave-up',
  'done-before': 'done-before',
  'called-off': 'called-off',
  'cancelled-here': 'called-off',
  excluded: 'excluded',
  'cohort-stopped': 'cohort-stopped',
  'previous-unknown': 'previous-unknown',
  'previous-missing': 'previous-missing',
  'rollout-paused': 'busy',
  'rollout-stopped': 'busy',
  'chooses-itself': 'chooses-itself',
  'push-only': 'busy',
  'verification-pending': 'busy',
  'floor-verification-pending': 'floor-unverified',
  'stage-not-reached': 'no-stage',
  'stage-full': 'no-stage',
  'awaiting-approval': 'busy',
  'window-closed': 'busy',
  'spread-out': 'busy',
  'slots-taken': 'busy',
  'rate-reached': 'busy',
  'health-hold': 'busy',
  'cohort-hold': 'busy',
  'unverifiable-hold': 'busy',
} as const satisfies Record<NoneBecause['kind'], PlanOutcome>

/** The outcome that a refusal of the planned rollout is. */
export function outcomeOfRefusal(because: NoneBecause): PlanOutcome {
  if (because.kind === 'no-path' && because.from === null) return 'unknown-version'
  return BY_REFUSAL[because.kind]
}
