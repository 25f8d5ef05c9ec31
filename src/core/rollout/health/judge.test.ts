import { describe, expect, it } from 'vitest'
import { UNLIMITED } from './allowance.ts'
import { type Counts, NO_COUNTS } from './counts.ts'
import { FROM_VERSION, type HealthPolicyInput, healthPolicy } from './health-policy.ts'
import { type CohortState, cohortKey, type HealthState } from './health-state.ts'
import { judge } from './judge.ts'

const counts = (facts: Partial<Counts>): Counts => ({ ...NO_COUNTS, ...facts })
/** All of whose time is over. */
const settled = (devices: number, failed: number): Counts =>
  counts({ granted: devices, settled: devices, failed, settledFailed: failed })

function state(facts: Partial<Omit<HealthState, 'cohorts'>> & { cohorts?: readonly CohortState[] }): HealthState {
  const { cohorts = [], ...rest } = facts
  return {
    overall: NO_COUNTS,
    resumes: 0,
    unverifiable: 0,
    approved: false,
    ...rest,
    cohorts: new Map(cohorts.map((cohort) => [cohortKey(cohort), cohort])),
  }
}

const cohort = (value: string, facts: Partial<CohortState>): CohortState => ({
  family: 'hardwareRevision',
  value,
  order: 1,
  stopped: false,
  resumes: 0,
  counts: NO_COUNTS,
  ...facts,
})

const verdict = (facts: Parameters<typeof state>[0], policy: HealthPolicyInput = {}) =>
  judge(healthPolicy(policy), state(facts))

describe('the rollout as a whole', () => {
  it('goes with room, holds without', () => {
    expect(verdict({})).toMatchObject({ kind: 'go', limits: { overall: 10, unverifiable: 10, newCohort: 10 } })
    expect(verdict({ overall: counts({ granted: 10 }) })).toMatchObject({
      kind: 'hold',
      because: { kind: 'immature', holding: 10, allowance: 10 },
      limits: { overall: 10 },
    })
    expect(verdict({ overall: counts({ granted: 10, settled: 10 }) })).toMatchObject({
      kind: 'go',
      limits: { overall: 25 },
    })
  })

  it('stops on two failures of the first two that mature', () => {
    expect(
      verdict({ overall: counts({ granted: 10, settled: 2, failed: 2, settledFailed: 2, silent: 2 }) }),
    ).toMatchObject({ kind: 'stop', scope: 'rollout', evidence: { kind: 'sequential', view: 'settled', silent: 2 } })
  })

  it('stops on early failures alone, taking the devices still at work as good', () => {
    expect(verdict({ overall: counts({ granted: 10, failed: 3 }) })).toMatchObject({ kind: 'hold' })
    expect(verdict({ overall: counts({ granted: 10, failed: 4 }) })).toMatchObject({
      kind: 'stop',
      evidence: { view: 'granted', observed: { devices: 10, failed: 4 } },
    })
  })

  it('is not misled by failures being told before successes mature', () => {
    // 200 settled at 2 %, 300 under way of which 2 % have failed already: in the order of maturing 10 of 206.
    expect(verdict({ overall: counts({ granted: 500, settled: 200, settledFailed: 4, failed: 10 }) }).kind).not.toBe(
      'stop',
    )
  })

  it('takes stronger evidence after each resume', () => {
    const overall = settled(10, 3)
    expect(verdict({ overall })).toMatchObject({ kind: 'go' })
    const limitOf = (resumes: number) => {
      const found = verdict({ overall: settled(10, 9), resumes })
      return found.kind === 'stop' && found.evidence.kind === 'sequential' ? Math.exp(found.evidence.logLimit) : 0
    }
    expect(limitOf(0)).toBeCloseTo(250, 6)
    expect(limitOf(1)).toBeCloseTo(1250, 6)
    expect(limitOf(2)).toBeCloseTo(6250, 6)
  })

  it('spends the whole budget on it where no cohorts are watched', () => {
    const found = verdict({ overall: settled(10, 9) }, { cohorts: [] })
    expect(found).toMatchObject({ kind: 'stop', evidence: { logLimit: expect.closeTo(Math.log(125), 9) } })
  })

  it('is left alone when off', () => {
    expect(verdict({ overall: settled(100, 100), unverifiable: 100 }, { mode: 'off' })).toMatchObject({
      kind: 'go',
      limits: { overall: UNLIMITED, unverifiable: UNLIMITED, newCohort: UNLIMITED },
    })
  })
})

describe('cohorts', () => {
  const bad = cohort('C', { order: 3, counts: settled(3, 3) })

  it('excludes the cohort that fails, and goes on without it', () => {
    const overall = settled(150, 5)
    expect(verdict({ overall, cohorts: [cohort('A', { counts: settled(147, 2) }), bad] })).toMatchObject({
      kind: 'stop',
      scope: { cohort: 'hardwareRevision=C' },
      evidence: { cohort: { family: 'hardwareRevision', value: 'C' } },
    })
    const after = verdict({ overall, cohorts: [{ ...bad, stopped: true }] })
    expect(after.kind).toBe('go')
    expect(after.kind === 'go' && after.limits.cohorts.get('hardwareRevision=C')).toBe(0)
  })

  it('stops the whole when the whole is bad, not cohort by cohort', () => {
    expect(verdict({ overall: settled(6, 6), cohorts: [bad] })).toMatchObject({ kind: 'stop', scope: 'rollout' })
  })

  it('paces each cohort on its own', () => {
    const young = cohort('C', { order: 3, counts: counts({ granted: 10 }) })
    const found = verdict({ overall: settled(1000, 10), cohorts: [young, cohort('A', { counts: settled(990, 10) })] })
    expect(found.kind === 'go' && Object.fromEntries(found.limits.cohorts)).toEqual({
      'hardwareRevision=C': 10,
      'hardwareRevision=A': 990 + 1485 - 200,
    })
  })

  it('asks more evidence of later values, and none of kinds that are not watched', () => {
    const overall = settled(1000, 10)
    const late = { ...bad, order: 40 }
    expect(verdict({ overall, cohorts: [late] }).kind).toBe('go')
    expect(verdict({ overall, cohorts: [{ ...late, counts: settled(5, 5) }] }).kind).toBe('stop')
    expect(verdict({ overall, cohorts: [bad] }, { cohorts: [FROM_VERSION] })).toMatchObject({ kind: 'go' })
  })
})

describe('thresholds', () => {
  it.each<[string, HealthPolicyInput['mode'], Counts, string]>([
    ['failures, early ones too', { kind: 'threshold', failures: 3 }, counts({ granted: 1000, failed: 3 }), 'stop'],
    ['fewer failures', { kind: 'threshold', failures: 3 }, counts({ granted: 10, failed: 2 }), 'hold'],
    ['percent of the settled', { kind: 'threshold', percent: 5 }, settled(100, 6), 'stop'],
    ['percent not passed', { kind: 'threshold', percent: 5 }, settled(100, 5), 'go'],
    ['too few for percent', { kind: 'threshold', percent: 5 }, settled(9, 9), 'go'],
    ['fewer asked for', { kind: 'threshold', percent: 5, minMatured: 2 }, settled(2, 1), 'stop'],
    ['percent of all that hold it', { kind: 'threshold', percent: 5 }, counts({ granted: 20, failed: 2 }), 'stop'],
    ['either', { kind: 'threshold', failures: 50, percent: 5 }, settled(100, 6), 'stop'],
  ])('%s', (_name, mode, overall, expected) => {
    expect(verdict({ overall }, { mode: mode ?? 'off' }).kind).toBe(expected)
  })

  it('exclude a cohort as well', () => {
    const found = verdict(
      { overall: settled(1000, 12), cohorts: [cohort('C', { counts: settled(10, 5) })] },
      { mode: { kind: 'threshold', percent: 5 } },
    )
    expect(found).toMatchObject({ kind: 'stop', scope: { cohort: 'hardwareRevision=C' } })
  })
})

describe('devices that cannot be verified', () => {
  it('give no evidence, follow the verifiable ones and ask when these are too few', () => {
    expect(verdict({ unverifiable: 9 })).toMatchObject({ kind: 'go', limits: { unverifiable: 10 } })
    expect(verdict({ unverifiable: 10 })).toMatchObject({
      kind: 'approval',
      because: { kind: 'few-verifiable', verifiable: 0, unverifiable: 10, minVerifiableShare: 0.2 },
      limits: { overall: 10 },
    })
  })

  it('wait, rather than ask, while verifiable ones under way may vouch for them', () => {
    expect(verdict({ overall: counts({ granted: 10 }), unverifiable: 10 })).toMatchObject({ kind: 'hold' })
    expect(verdict({ overall: settled(100, 0), unverifiable: 399 })).toMatchObject({ kind: 'go' })
    expect(verdict({ overall: settled(100, 0), unverifiable: 400 })).toMatchObject({ kind: 'approval' })
  })

  it('go on once approved, and where no share is asked for', () => {
    expect(verdict({ unverifiable: 10, approved: true })).toMatchObject({
      kind: 'go',
      limits: { unverifiable: UNLIMITED },
    })
    expect(verdict({ unverifiable: 10_000 }, { minVerifiableShare: 0 })).toMatchObject({ kind: 'go' })
  })
})
