import { describe, expect, it } from 'vitest'
import { allowanceOf, DEFAULT_ALLOWANCE, grantLimit, UNLIMITED, unverifiableLimit } from './allowance.ts'
import { type Counts, NO_COUNTS } from './counts.ts'
import { healthPolicy } from './health-policy.ts'
import { judge } from './judge.ts'

const counts = (facts: Partial<Counts>): Counts => ({ ...NO_COUNTS, ...facts })

describe('allowance', () => {
  it.each([
    ['nothing known', {}, 10],
    ['early successes are not counted at all: ten hold it', { granted: 10 }, 10],
    ['ten settled well', { granted: 10, settled: 10 }, 15],
    ['a hundred settled well', { granted: 100, settled: 100 }, 150],
    ['one of a hundred failed', { granted: 100, settled: 100, failed: 1, settledFailed: 1 }, 130],
    ['four of a hundred failed', { granted: 100, settled: 100, failed: 4, settledFailed: 4 }, 70],
    ['a failure brakes before it settles', { granted: 110, settled: 100, failed: 1 }, 130],
    ['ten of a hundred failed: the floor', { granted: 100, settled: 100, failed: 10, settledFailed: 10 }, 50],
    ['the first failure', { granted: 10, failed: 1 }, 5],
  ] as const)('%s', (_name, facts, expected) => {
    expect(allowanceOf(DEFAULT_ALLOWANCE, counts(facts))).toBe(expected)
  })

  it('limits grants to the matured ones and the allowance', () => {
    expect(grantLimit(DEFAULT_ALLOWANCE, counts({ granted: 10, settled: 10 }))).toBe(25)
    expect(grantLimit(DEFAULT_ALLOWANCE, counts({ granted: 10, failed: 3 }))).toBe(8)
    expect(grantLimit('unlimited', NO_COUNTS)).toBe(UNLIMITED)
  })

  it('never ends a rollout by itself', () => {
    for (const settled of [0, 1, 10, 1000])
      expect(allowanceOf({ initial: 1, growth: 1, brake: 1000 }, counts({ settled, failed: settled }))).toBeGreaterThan(
        0,
      )
  })

  it('lets devices that cannot be verified follow those that settled well', () => {
    expect(unverifiableLimit(10, NO_COUNTS, 0.2)).toBe(10)
    expect(unverifiableLimit(10, counts({ settled: 110, settledFailed: 10 }), 0.2)).toBe(400)
    expect(unverifiableLimit(10, NO_COUNTS, 0)).toBe(UNLIMITED)
    expect(unverifiableLimit(10, counts({ settled: 110 }), 1)).toBe(10)
  })
})

/** The most devices that can hold a release that fails on all, over every order of grants, reports and silence. */
function worstCase(): number {
  const policy = healthPolicy()
  const seen = new Set<string>()
  let most = 0
  /** `early`: which of the granted devices told of their failure, in order of grants; the first `settled` are settled. */
  const explore = (early: string, settled: number): void => {
    const key = `${early}/${settled}`
    if (seen.has(key) || early.length > 12) return
    seen.add(key)
    most = Math.max(most, early.length)
    const reported = [...early].filter((told) => told === 'e').length
    const silent = [...early.slice(0, settled)].filter((told) => told === '-').length
    const overall: Counts = {
      granted: early.length,
      settled,
      failed: reported + silent,
      settledFailed: settled,
      silent,
    }
    const state = { overall, resumes: 0, unverifiable: 0, approved: false, cohorts: new Map() }
    const verdict = judge(policy, state)
    if (verdict.kind === 'stop') return
    if (verdict.kind === 'go') explore(`${early}-`, settled)
    if (settled < early.length) explore(early, settled + 1)
    for (let index = settled; index < early.length; index++)
      if (early[index] === '-') explore(`${early.slice(0, index)}e${early.slice(index + 1)}`, settled)
  }
  explore('', 0)
  return most
}

it('a release that fails on every device reaches ten, in whatever order failures are told or left untold', () => {
  expect(worstCase()).toBe(10)
})
