import { invalid } from '../../errors.ts'
import { requireWhole as whole, requireWithin as within } from '../../validate.ts'
import { type Allowance, DEFAULT_ALLOWANCE } from './allowance.ts'

/** Stops at plain numbers, without a statistical promise. At least one of `failures` and `percent`. */
export interface Thresholds {
  readonly kind: 'threshold'
  /** Stops as soon as so many devices have failed. */
  readonly failures?: number
  /** Stops when more than so many percent failed, of at least `minMatured` devices. */
  readonly percent?: number
  /** Devices before `percent` applies. Default 10. */
  readonly minMatured: number
}

/** What a rollout's health gate watches for and how fast it lets a release spread. */
export interface HealthPolicy {
  /** `sequential`: the anytime-valid test. `off`: no gate at all. */
  readonly mode: 'sequential' | Thresholds | 'off'
  /** p0: the failure rate up to which a release counts as good, silence included. */
  readonly acceptableFailureRate: number
  /** alpha: the probability with which a good release may be stopped, over the whole rollout. */
  readonly errorBudget: number
  /** T: seconds that a device has to confirm the release; not confirmed by then is a failure. */
  readonly confirmSeconds: number
  readonly allowance: Allowance | 'unlimited'
  /** Kinds of cohorts that are tested on their own: names of device attributes, and {@link FROM_VERSION}. */
  readonly cohorts: readonly string[]
  /** The share of verifiable devices below which the gate asks for approval; 0 never asks. */
  readonly minVerifiableShare: number
}

/** The kind of cohort that is the version which a device runs at its grant. */
export const FROM_VERSION = 'from-version'

export const DEFAULT_HEALTH_POLICY: HealthPolicy = {
  mode: 'sequential',
  acceptableFailureRate: 0.02,
  errorBudget: 0.01,
  confirmSeconds: 3600,
  allowance: DEFAULT_ALLOWANCE,
  cohorts: ['hardwareRevision', FROM_VERSION],
  minVerifiableShare: 0.2,
}

/** What an operator may give: any part of a policy; the rest is the default. */
export type HealthPolicyInput = Partial<Omit<HealthPolicy, 'mode' | 'allowance'>> & {
  readonly mode?: 'sequential' | 'off' | (Omit<Thresholds, 'minMatured'> & { readonly minMatured?: number })
  readonly allowance?: 'unlimited' | Partial<Allowance>
}

/** The whole policy; throws `invalid` naming the field that is out of range. */
export function healthPolicy(input: HealthPolicyInput = {}): HealthPolicy {
  const given = { ...DEFAULT_HEALTH_POLICY, ...input }
  return {
    mode: modeOf(given.mode),
    acceptableFailureRate: within('acceptableFailureRate', given.acceptableFailureRate, [0.0001, 0.5]),
    errorBudget: within('errorBudget', given.errorBudget, [0.000001, 0.2]),
    confirmSeconds: whole('confirmSeconds', given.confirmSeconds, [10, 30 * 86_400]),
    allowance: allowanceFrom(given.allowance),
    cohorts: cohortsFrom(given.cohorts),
    minVerifiableShare: within('minVerifiableShare', given.minVerifiableShare, [0, 1]),
  }
}

function modeOf(mode: NonNullable<HealthPolicyInput['mode']>): HealthPolicy['mode'] {
  if (mode === 'sequential' || mode === 'off') return mode
  if (typeof mode !== 'object' || mode === null || mode.kind !== 'threshold')
    throw invalid('mode', 'must be sequential, off or thresholds')
  const { failures, percent, minMatured = 10 } = mode
  if (failures === undefined && percent === undefined) throw invalid('mode', 'needs failures or percent')
  return {
    kind: 'threshold',
    ...(failures === undefined ? {} : { failures: whole('mode.failures', failures, [1, 1_000_000_000]) }),
    ...(percent === undefined ? {} : { percent: within('mode.percent', percent, [0, 100]) }),
    minMatured: whole('mode.minMatured', minMatured, [1, 1_000_000_000]),
  }
}

function allowanceFrom(allowance: NonNullable<HealthPolicyInput['allowance']>): HealthPolicy['allowance'] {
  if (allowance === 'unlimited') return allowance
  if (typeof allowance !== 'object' || allowance === null) throw invalid('allowance', 'must be unlimited or numbers')
  const given = { ...DEFAULT_ALLOWANCE, ...allowance }
  return {
    initial: whole('allowance.initial', given.initial, [1, 1_000_000]),
    growth: within('allowance.growth', given.growth, [0, 10]),
    brake: within('allowance.brake', given.brake, [0, 10_000]),
  }
}

function cohortsFrom(cohorts: readonly string[]): readonly string[] {
  if (cohorts.length > 8) throw invalid('cohorts', 'at most 8 kinds')
  if (new Set(cohorts).size !== cohorts.length) throw invalid('cohorts', 'must differ')
  for (const name of cohorts)
    if (!/^[A-Za-z0-9_/.-]{1,50}$/.test(name)) throw invalid('cohorts', `"${name}" is not the name of an attribute`)
  return [...cohorts]
}
