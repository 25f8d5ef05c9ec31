import { describe, expect, it } from 'vitest'
import { type Counts, NO_COUNTS } from './counts.ts'
import { cohortEvidence, overallEvidence } from './evidence.ts'
import { FROM_VERSION, type HealthPolicyInput, healthPolicy } from './health-policy.ts'
import type { CohortState } from './health-state.ts'
import { evidenceInWords, reasonInWords } from './words.ts'

const counts = (facts: Partial<Counts>): Counts => ({ ...NO_COUNTS, ...facts })

function overall(facts: Partial<Counts>, policy: HealthPolicyInput = {}): string {
  const state = { overall: counts(facts), resumes: 0, unverifiable: 0, approved: false, cohorts: new Map() }
  const evidence = overallEvidence(healthPolicy(policy), state)
  return evidence ? evidenceInWords(evidence) : ''
}

function ofCohort(facts: Partial<CohortState>): string {
  const whole = {
    family: 'hardwareRevision',
    value: 'C',
    order: 2,
    stopped: false,
    resumes: 0,
    counts: NO_COUNTS,
    ...facts,
  }
  const evidence = cohortEvidence(healthPolicy(), whole)
  return evidence ? evidenceInWords(evidence) : ''
}

describe('evidence in words', () => {
  it('of settled devices', () => {
    expect(overall({ granted: 300, settled: 212, failed: 17, settledFailed: 17 })).toBe(
      '17 of 212 matured devices failed (8.0 %). If the true rate were 2 % or less, evidence this strong would appear ' +
        'in at most 1 of 7,296 rollouts; the limit is 1 of 250.',
    )
  })

  it('of silence', () => {
    expect(
      overall({ granted: 10, settled: 2, failed: 2, settledFailed: 2, silent: 2 }, { confirmSeconds: 900 }),
    ).toMatch(/^2 of 2 matured devices failed \(100\.0 %\), 2 of them in silence \(not confirmed within 15 min\)\. If /)
  })

  it('of early failures', () => {
    expect(overall({ granted: 10, failed: 4 })).toMatch(
      /^4 of 10 devices that hold the release failed already \(40\.0 %\); the others are taken as good\. If the true rate/,
    )
  })

  it('of none', () => {
    expect(overall({ granted: 400, settled: 300, failed: 3, settledFailed: 3 }, { acceptableFailureRate: 0.015 })).toBe(
      '3 of 300 matured devices failed (1.0 %). That is no evidence against a rate of 1.5 % or less; the limit is 1 of 250.',
    )
    expect(overall({})).toBe(
      '0 of 0 matured devices failed. That is no evidence against a rate of 2 % or less; the limit is 1 of 250.',
    )
    expect(overall({}, { mode: 'off' })).toBe('')
  })

  it('of overwhelming strength', () => {
    expect(overall({ granted: 50, settled: 50, failed: 50, settledFailed: 50 })).toContain(
      'in at most 1 of more than 1,000,000,000 rollouts',
    )
  })

  it('of cohorts', () => {
    const failed = counts({ granted: 3, settled: 3, failed: 3, settledFailed: 3 })
    expect(ofCohort({ counts: failed })).toMatch(
      /^Devices with hardwareRevision C: 3 of 3 matured devices failed \(100\.0 %\)\. .* the limit is 1 of 3,000\.$/,
    )
    expect(ofCohort({ family: FROM_VERSION, value: '1.2', counts: failed })).toMatch(
      /^Devices that came from 1\.2: 3 of 3/,
    )
  })

  it('of thresholds', () => {
    const failed = { granted: 100, settled: 100, failed: 6, settledFailed: 6 }
    expect(overall(failed, { mode: { kind: 'threshold', failures: 50, percent: 5 } })).toBe(
      '6 of 100 matured devices failed (6.0 %). The limit is 50 failures or more than 5 % of at least 10 devices.',
    )
  })
})

it('says why it waits or asks', () => {
  expect(reasonInWords({ kind: 'immature', holding: 10, allowance: 10 })).toBe(
    '10 devices hold the release without a verdict; 10 may at once until more have matured.',
  )
  expect(reasonInWords({ kind: 'few-verifiable', verifiable: 3, unverifiable: 1200, minVerifiableShare: 0.2 })).toBe(
    'Only 3 of 1,203 devices that hold the release can be verified; below 20 % its health is not known, so going on needs approval.',
  )
})
