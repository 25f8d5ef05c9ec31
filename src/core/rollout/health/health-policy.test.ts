import { describe, expect, it } from 'vitest'
import { DEFAULT_HEALTH_POLICY, type HealthPolicyInput, healthPolicy } from './health-policy.ts'

describe('health policy', () => {
  it('has defaults for everything', () => {
    expect(healthPolicy()).toEqual(DEFAULT_HEALTH_POLICY)
    expect(DEFAULT_HEALTH_POLICY).toMatchObject({
      mode: 'sequential',
      acceptableFailureRate: 0.02,
      errorBudget: 0.01,
      confirmSeconds: 3600,
    })
  })

  it('keeps what is given', () => {
    expect(healthPolicy({ acceptableFailureRate: 0.05, allowance: { initial: 3 }, cohorts: [] })).toEqual({
      ...DEFAULT_HEALTH_POLICY,
      acceptableFailureRate: 0.05,
      allowance: { initial: 3, growth: 1.5, brake: 20 },
      cohorts: [],
    })
    expect(healthPolicy({ mode: { kind: 'threshold', percent: 5 } }).mode).toEqual({
      kind: 'threshold',
      percent: 5,
      minMatured: 10,
    })
    expect(healthPolicy({ mode: 'off', allowance: 'unlimited' })).toMatchObject({ mode: 'off', allowance: 'unlimited' })
  })

  it.each<[string, HealthPolicyInput]>([
    ['acceptableFailureRate', { acceptableFailureRate: 0 }],
    ['acceptableFailureRate', { acceptableFailureRate: 0.6 }],
    ['acceptableFailureRate', { acceptableFailureRate: Number.NaN }],
    ['errorBudget', { errorBudget: 0 }],
    ['errorBudget', { errorBudget: 0.5 }],
    ['confirmSeconds', { confirmSeconds: 5 }],
    ['confirmSeconds', { confirmSeconds: 60.5 }],
    ['allowance.initial', { allowance: { initial: 0 } }],
    ['allowance.growth', { allowance: { growth: -1 } }],
    ['allowance.brake', { allowance: { brake: -1 } }],
    ['cohorts', { cohorts: ['a', 'a'] }],
    ['cohorts', { cohorts: ['no space'] }],
    ['cohorts', { cohorts: ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i'] }],
    ['minVerifiableShare', { minVerifiableShare: 1.1 }],
    ['mode', { mode: { kind: 'threshold' } }],
    ['mode.failures', { mode: { kind: 'threshold', failures: 0 } }],
    ['mode.percent', { mode: { kind: 'threshold', percent: 101 } }],
    ['mode.minMatured', { mode: { kind: 'threshold', percent: 5, minMatured: 0 } }],
  ])('refuses what is out of range: %s %o', (field, input) => {
    expect(() => healthPolicy(input)).toThrow(
      expect.objectContaining({ code: 'invalid', details: expect.objectContaining({ field }) }),
    )
  })
})
